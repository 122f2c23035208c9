"""How the databases find what operators look at: by indexes, however much there is.

The plans are those for 3,000 dialogues that PostgreSQL has counted, and nothing is forced upon it. So what is small may be
gone through: labels, verdicts, chats; and dialogues themselves where a few hundred of them are wanted in no order of
theirs: those with a label, or with turns of today, or, for a search, all that a filter leaves. Turns may not.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine, event

from benchmarks.bulk import fill
from benchmarks.full_log import LABELS, MODELS, SEEDS, FullLog
from storage.log.migrate import migrate
from storage.log.review.reading import Reading
from storage.log.sql import sql_engines, transaction
from storage.log.sql_log import sql_log
from storage.operators import Role
from storage.records import DialogueStatus
from storage.reviewed import Approval, Flag, InboxFilter, Order

NOW = 1_700_000_000.0
DAY_S = 24 * 3600.0
# Under all names that statements give it.
TURNS = {"turns", "last_turn", "judged"}

FILTERS = {
    "": InboxFilter(),
    "status": InboxFilter(status=DialogueStatus.SNOOZED),
    "approval": InboxFilter(approval=Approval.APPROVED),
    "seed": InboxFilter(seed=SEEDS["ru"][1]),
    "model": InboxFilter(model=MODELS[0]),
    "assignee": InboxFilter(assignee_id=1),
    "nobody": InboxFilter(assignee_id=0),
    "label": InboxFilter(label=LABELS[0]),
    **{flag.value: InboxFilter(flag=flag) for flag in Flag},
    "since": InboxFilter(since=NOW - DAY_S),
    "a day": InboxFilter(since=NOW - 10 * DAY_S, until=NOW - 9 * DAY_S),
}
WORDS = ("интернет", "роутеру", "мастер звонок", '"красная лампочка"', "482913", "the router")


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def full_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A database of each kind with 3,000 dialogues of 10 turns."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('full') / 'log.db'}"
        asyncio.run(_fill(url))
        yield url
    else:
        server, name = request.getfixturevalue("postgres"), f"full_{secrets.token_hex(6)}"
        server.psql(f"CREATE DATABASE {name};")
        asyncio.run(_fill(server.get_uri(name)))
        yield server.get_uri(name)
        server.psql(f"DROP DATABASE {name};")


async def _fill(url: str) -> None:
    await migrate(url)
    async with sql_log(url) as log, log.writing() as writing:
        operator = await writing.add_operator("ann", Role.LEAD, "no hash")
    await fill(url, FullLog(3000, 10, NOW, [operator]).batches())


async def gone_through(url: str, *readings: Callable[[Reading], Awaitable[object]]) -> set[str]:
    """Return the names of the tables that are read from end to end, as the statements of these readings call them."""
    statements: list[tuple[str, Any]] = []

    def note(connection: Any, cursor: Any, statement: str, parameters: Any, *_: object) -> None:
        if statement.startswith(("SELECT", "WITH")):
            statements.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        async with sql_log(url) as log:
            for read in readings:
                async with log.reviewing() as reading:
                    await read(reading)
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    plan = await _plan_sqlite(url, statements) if url.startswith("sqlite") else await _plan_postgresql(url, statements)
    # What SQLite scans by an index is in the order that is wanted, and only begun.
    return set(re.findall(r"(?:Seq Scan on|^SCAN) (\w+)\b(?! USING)", "\n".join(plan), re.MULTILINE))


async def _plan_sqlite(url: str, statements: list[tuple[str, Any]]) -> list[str]:
    database = sqlite3.connect(url.removeprefix("sqlite:///"))
    try:
        return [
            str(row[3])
            for statement, parameters in statements
            for row in database.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
        ]
    finally:
        database.close()


async def _plan_postgresql(url: str, statements: list[tuple[str, Any]]) -> list[str]:
    lines: list[str] = []
    async with sql_engines(url) as engines, transaction(engines.reading) as connection:
        for statement, parameters in statements:
            lines += (await connection.exec_driver_sql(f"EXPLAIN {statement}", parameters)).scalars()  # type: ignore[call-arg]
    return lines


@pytest.mark.parametrize("order", Order)
async def test_the_inbox_is_read_by_indexes(full_url: str, order: Order) -> None:
    def read(wanted: InboxFilter) -> Callable[[Reading], Awaitable[object]]:
        return lambda reading: reading.inbox(replace(wanted, order=order))

    readings = {name: read(wanted) for name, wanted in FILTERS.items()}

    assert await gone_through(full_url, readings.pop("label")) & TURNS == set()
    assert await gone_through(full_url, *readings.values()) & {*TURNS, "dialogues"} == set()


@pytest.mark.parametrize("words", WORDS)
async def test_words_are_found_by_indexes(full_url: str, words: str) -> None:
    readings = [lambda reading, each=each: reading.inbox(replace(each, words=words)) for each in FILTERS.values()]

    assert await gone_through(full_url, *readings) & TURNS == set()


async def test_pages_further_on_are_read_by_indexes(full_url: str) -> None:
    async def read_on(reading: Reading) -> None:
        for wanted in (InboxFilter(), InboxFilter(order=Order.UNLIKELIEST), InboxFilter(words="интернет")):
            await reading.inbox(wanted, (await reading.inbox(wanted)).next)

    assert await gone_through(full_url, read_on) & {*TURNS, "dialogues"} == set()


async def test_transcripts_are_read_by_indexes(full_url: str) -> None:
    async def read(reading: Reading) -> None:
        for row in (await reading.inbox(InboxFilter(status=DialogueStatus.RESOLVED), limit=3)).rows:
            await reading.dialogue(row.dialogue_id)

    assert await gone_through(full_url, read) & {*TURNS, "dialogues", "generations", "replies", "outbox"} == set()


async def test_the_queue_is_read_by_indexes(full_url: str) -> None:
    readings = [
        lambda reading, how=how: reading.next_to_review(how) for how in ("newest", "random", "unlikeliest", *Flag)
    ]

    assert await gone_through(full_url, *readings) & {*TURNS, "dialogues"} == set()


async def test_the_figures_of_a_day_are_read_by_indexes(full_url: str) -> None:
    found = await gone_through(full_url, lambda reading: reading.overview(NOW - DAY_S, NOW))

    assert found & {*TURNS, "generations", "replies"} == set()
