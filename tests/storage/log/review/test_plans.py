"""How the databases find what operators look at: by indexes, however much there is.

The plans are those for 3,000 dialogues that PostgreSQL has counted, and nothing is forced upon it. So what is small may
be gone through: labels, verdicts, chats; and dialogues themselves where a few hundred of them are wanted in no order of
theirs: those with a label, or with turns of today, or, for a search, all that a filter leaves. Turns may not.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine, event

from benchmarks.full_log import LABELS, MODELS, SEEDS
from storage.log.review.reading import Reading
from storage.log.sql import sql_engines, transaction
from storage.log.sql_log import sql_log
from storage.records import DialogueStatus
from storage.reviewed import Approval, Flag, InboxFilter, Order
from tests.storage.log.review.conftest import FULL_AT

DAY_S = 24 * 3600.0
# Under all names that statements give it.
TURNS = {"turns", "last_turn", "judged"}

IN_ORDER = {
    "": InboxFilter(),
    "status": InboxFilter(status=DialogueStatus.RESOLVED),
    "approval": InboxFilter(approval=Approval.APPROVED),
    "seed": InboxFilter(seed=SEEDS["ru"][1]),
    "model": InboxFilter(model=MODELS[0]),
}
FILTERS = {
    **IN_ORDER,
    "assignee": InboxFilter(assignee_id=1),
    "nobody": InboxFilter(assignee_id=0),
    **{flag.value: InboxFilter(flag=flag) for flag in Flag},
    "since": InboxFilter(since=FULL_AT - DAY_S),
    "a day": InboxFilter(since=FULL_AT - 10 * DAY_S, until=FULL_AT - 9 * DAY_S),
    "label": InboxFilter(label=LABELS[0]),
}
WORDS = ("интернет", "роутеру", "мастер звонок", '"красная лампочка"', "482913", "the router")

Reads = Callable[[Reading], Awaitable[object]]
Plan = list[str]


async def plans(url: str, *reads: Reads) -> list[Plan]:
    """Return the plans, line by line, of all statements that read what grows with each turn."""
    asked: list[tuple[str, Any]] = []

    def note(connection: Any, cursor: Any, statement: str, parameters: Any, *_: object) -> None:
        if re.search(r"FROM .*\b(dialogues|turns|replies|generations|outbox)\b", statement, re.DOTALL):
            asked.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        async with sql_log(url, lambda: FULL_AT) as log:
            for read in reads:
                async with log.reviewing() as reading:
                    await read(reading)
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    assert asked
    return _plans_of_sqlite(url, asked) if url.startswith("sqlite") else await _plans_of_postgresql(url, asked)


def _plans_of_sqlite(url: str, asked: list[tuple[str, Any]]) -> list[Plan]:
    database = sqlite3.connect(url.removeprefix("sqlite:///"))
    try:
        explained = [
            database.execute(f"EXPLAIN QUERY PLAN {statement}", values).fetchall() for statement, values in asked
        ]
        return [[str(row[3]) for row in rows] for rows in explained]
    finally:
        database.close()


async def _plans_of_postgresql(url: str, asked: list[tuple[str, Any]]) -> list[Plan]:
    async with sql_engines(url) as engines, transaction(engines.reading) as connection:
        return [
            list((await connection.exec_driver_sql(f"EXPLAIN {statement}", values)).scalars())  # type: ignore[call-arg]
            for statement, values in asked
        ]


def gone_through(found: list[Plan], is_ended: bool = False) -> set[str]:
    """Return the names of the tables that are read from end to end, as their statements call them.

    Args:
        is_ended: whether what SQLite scans by an index is read to its end; a page of something sorted is only its
            beginning.
    """
    whole = r"(?:Seq Scan on|^SCAN) (\w+)\b" + ("" if is_ended else r"(?! USING)")
    return {name for plan in found for line in plan for name in re.findall(whole, line)}


def is_sorted(found: list[Plan]) -> bool:
    """Say whether something is sorted that does not come in the order that is wanted."""
    return any(re.search(r"(?:^|->\s+)(?:Incremental )?Sort\b|FOR ORDER BY", line) for plan in found for line in plan)


def inbox(wanted: InboxFilter) -> Reads:
    """Return what reads the first and the second page of an inbox."""

    async def read(reading: Reading) -> None:
        first = await reading.inbox(wanted, limit=10)
        if first.next:
            await reading.inbox(wanted, first.next, limit=10)

    return read


@pytest.mark.parametrize("order", Order)
@pytest.mark.parametrize("by", FILTERS)
async def test_the_inbox_is_read_by_indexes(full_url: str, by: str, order: Order) -> None:
    found = gone_through(await plans(full_url, inbox(replace(FILTERS[by], order=order))))

    assert found & (TURNS if by == "label" else {*TURNS, "dialogues"}) == set()


@pytest.mark.parametrize("order", [Order.NEWEST, Order.OLDEST])
@pytest.mark.parametrize("by", IN_ORDER)
async def test_the_inbox_comes_in_order(full_url: str, by: str, order: Order) -> None:
    assert not is_sorted(await plans(full_url, inbox(replace(IN_ORDER[by], order=order))))


@pytest.mark.parametrize("by", [{}, {"approval": Approval.NONE}, {"status": DialogueStatus.PENDING}], ids=str)
async def test_the_unlikeliest_come_in_order(full_url: str, by: dict[str, Any]) -> None:
    wanted = InboxFilter(order=Order.UNLIKELIEST, **by)

    assert not is_sorted(await plans(full_url, inbox(wanted)))


@pytest.mark.parametrize("words", WORDS)
@pytest.mark.parametrize("by", ["", "status", "seed", "label", "a day"])
async def test_words_are_found_by_indexes(full_url: str, by: str, words: str) -> None:
    found = await plans(full_url, inbox(replace(FILTERS[by], words=words)))

    assert gone_through(found) & TURNS == set()


async def test_transcripts_are_read_by_indexes(full_url: str) -> None:
    async def read(reading: Reading) -> None:
        (row,) = (await reading.inbox(FILTERS["status"], limit=1)).rows
        await reading.dialogue(row.dialogue_id)

    found = gone_through(await plans(full_url, read))

    assert found & {*TURNS, "dialogues", "generations", "replies", "outbox"} == set()


@pytest.mark.parametrize("how", ["newest", "random", "unlikeliest", *Flag])
async def test_the_queue_is_read_by_indexes(full_url: str, how: str) -> None:
    found = await plans(full_url, lambda reading: reading.next_to_review(how))

    assert gone_through(found) & {"dialogues"} == set()


async def test_the_figures_of_a_day_are_read_by_indexes(full_url: str) -> None:
    found = await plans(full_url, lambda reading: reading.overview(FULL_AT - DAY_S, FULL_AT))

    assert gone_through(found, is_ended=True) & {*TURNS, "generations", "replies"} == set()
