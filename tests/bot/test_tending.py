from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from bot.conversation import Conversation, Visit
from bot.tending import PATIENCE_S, Tending
from bot.texts import text
from dialogue.errors import StorageUnavailable
from storage.live.inbox import RedisInbox
from storage.live.keys import Keys
from storage.live.presence import Backlog, Presence
from storage.log.sql_log import SqlLog, sql_log
from storage.log.taking_over import CLAIM_LASTS_S
from storage.operators import Role
from storage.records import ChatKind, Outgoing
from tests.fakes import SEED, SEEDS
from tests.storage.log.empty import empty_log


class Hall:
    """Where people wait for operators, under a clock that the test moves."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self.now = 1_000_000.0
        self.told: list[tuple[str, str]] = []
        self.log: SqlLog
        self._inbox, self._presence = RedisInbox(redis, keys), Presence(redis, keys)

    def conversation(self, log: Any = None) -> Conversation:
        return Conversation(log or self.log, self._inbox, SEEDS, [SEED.name])

    def tending(self, log: Any = None) -> Tending:
        return Tending(self.conversation(log), "test", self.deliver, every_s=0.001)

    async def deliver(self, outgoing: Sequence[Outgoing]) -> None:
        await asyncio.sleep(0)
        self.told += [(each.chat_external_id, each.text) for each in outgoing]

    async def visit(self, person_id: str = "ann", language: str = "en", channel: str = "test") -> Visit:
        async with self.conversation().session() as session:
            return await session.enter(channel, person_id, ChatKind.PRIVATE, person_id, "Ann", language)

    async def call(self, visit: Visit) -> None:
        async with self.conversation().session() as session:
            assert await session.call_operator(visit)

    async def claim(self, visit: Visit, name: str = "Olga") -> int:
        async with self.log.writing() as writing:
            operator = await writing.add_operator(name, Role.REVIEWER, "a hash")
        async with self.conversation().session() as session:
            await session.take_over(visit.chat.dialogue_id, operator.id)
        return operator.id

    async def say(self, visit: Visit, words: str) -> None:
        async with self.conversation().session() as session:
            await session.say(visit, words)

    async def backlog(self) -> Backlog:
        return await self._presence.backlog()


class LateLog:
    """A log in which something happens right after what has run out was read."""

    def __init__(self, log: SqlLog, happens: Callable[[], Awaitable[object]]) -> None:
        self._log, self._happens = log, happens

    async def run_out(self, channel: str) -> list[str]:
        found = await self._log.run_out(channel)
        await self._happens()
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)


class AbsentLog:
    """A log that is out of reach at first."""

    def __init__(self, log: SqlLog) -> None:
        self._log, self._is_away = log, True

    async def unheard(self, channel: str, patience_s: float) -> list[str]:
        if self._is_away:
            self._is_away = False
            raise StorageUnavailable("away")
        return await self._log.unheard(channel, patience_s)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)


@pytest.fixture
async def hall(redis: Redis, keys: Keys, tmp_path: Path) -> AsyncIterator[Hall]:
    """An empty hall."""
    url = empty_log(tmp_path / "log.db")
    hall = Hall(redis, keys)
    async with sql_log(url, clock=lambda: hall.now) as hall.log:
        yield hall


async def test_who_is_not_heard_is_told_once_and_in_their_language(hall: Hall) -> None:
    await hall.call(await hall.visit("ann", "en"))
    await hall.call(await hall.visit("анна", "ru"))
    await hall.tending().tend()
    assert hall.told == []
    hall.now += PATIENCE_S
    await hall.tending().tend()
    await hall.tending().tend()
    assert sorted(hall.told) == [
        ("ann", text("operator_not_free", "en")),
        ("анна", text("operator_not_free", "ru")),
    ]


async def test_who_calls_again_is_told_again(hall: Hall) -> None:
    visit = await hall.visit()
    for _ in range(2):
        await hall.call(visit)
        hall.now += PATIENCE_S
        await hall.tending().tend()
    assert hall.told == [("ann", text("operator_not_free", "en"))] * 2


async def test_who_was_heard_is_told_nothing(hall: Hall) -> None:
    visit = await hall.visit()
    await hall.call(visit)
    await hall.claim(visit)
    hall.now += PATIENCE_S
    await hall.tending().tend()
    assert hall.told == []


async def test_a_dialogue_whose_operator_left_without_a_word_is_the_bots_again(hall: Hall) -> None:
    visit = await hall.visit()
    await hall.claim(visit)
    await hall.say(visit, "Anybody there?")
    await hall.tending().tend()
    assert (hall.told, await hall.backlog()) == ([], Backlog(0, 0))

    hall.now += CLAIM_LASTS_S
    await hall.tending().tend()
    await hall.tending().tend()

    assert hall.told == [("ann", text("operator_left", "en"))]
    assert await hall.backlog() == Backlog(waiting=1, in_hand=0)
    async with hall.log.writing() as writing:
        assert not await writing.is_claimed(visit.chat.dialogue_id)


async def test_an_operator_who_writes_keeps_the_dialogue(hall: Hall) -> None:
    visit = await hall.visit()
    operator_id = await hall.claim(visit)
    hall.now += CLAIM_LASTS_S / 2
    async with hall.conversation().session() as session:
        await session.speak_for_bot(visit.chat.dialogue_id, operator_id, "One moment.", None)
    hall.now += CLAIM_LASTS_S / 2
    await hall.tending().tend()
    assert hall.told == []


async def test_an_operator_who_takes_it_at_the_last_moment_keeps_it_and_holds_up_no_other(hall: Hall) -> None:
    taken, left = await hall.visit("ann"), await hall.visit("bob")
    await hall.claim(taken)
    await hall.claim(left, "Oleg")
    hall.now += CLAIM_LASTS_S
    await hall.tending(LateLog(hall.log, lambda: hall.claim(taken, "Oskar"))).tend()
    assert hall.told == [("bob", text("operator_left", "en"))]


async def test_dialogues_of_other_channels_are_left_to_them(hall: Hall) -> None:
    await hall.call(await hall.visit("ann", channel="web"))
    await hall.claim(await hall.visit("bob", channel="web"))
    hall.now += PATIENCE_S + CLAIM_LASTS_S
    await hall.tending().tend()
    assert hall.told == []


async def test_a_log_that_was_out_of_reach_delays_and_stops_nothing(hall: Hall) -> None:
    await hall.call(await hall.visit())
    hall.now += PATIENCE_S
    tending = asyncio.create_task(hall.tending(AbsentLog(hall.log)).run())
    async with asyncio.timeout(20):
        while not hall.told:
            await asyncio.sleep(0.001)
    tending.cancel()
    with suppress(asyncio.CancelledError):
        await tending
    assert hall.told == [("ann", text("operator_not_free", "en"))]
