"""Questions aside, from two processes at once on one valkey: each gets its own answers, and nothing of them stays."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from redis.asyncio import Redis

from bot.asides import Asides
from bot.wiring import background
from dialogue.errors import AsidesClosed, NoAnswerInTime, TooManyAsides
from dialogue.ports import Job
from dialogue.turns import Dialogue, Outcome, Reply, Speaker
from storage.live.drafts import RedisDrafts
from storage.live.history import RedisHistory
from storage.live.inbox import RedisInbox
from storage.live.jobs import RedisJobs
from storage.live.keys import Keys
from storage.live.replies import RedisReplies
from storage.records import Finished, LoggedHistory
from tests.bot.erasing import erased

CHANNEL = "asides"
MOST = 3
PATIENCE_S = 20.0
HELLO = Dialogue().then(Speaker.BOT, "Hello!").then(Speaker.PERSON, "Hi.")


class Forgetful:
    """A log that knows of no dialogue."""

    async def history(self, dialogue_id: str) -> LoggedHistory:
        await asyncio.sleep(0)
        return LoggedHistory(Dialogue(), ())


class Asleep(RedisReplies):
    """A process's end of the channel that never takes anything in."""

    async def claim(self, limit: int) -> list[Finished]:
        await asyncio.Event().wait()
        return []


class Echo:
    """A worker that repeats what it was asked, behind what was said before."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._jobs = RedisJobs(redis, keys, RedisDrafts(redis, keys), "worker-1")
        self._history = RedisHistory(redis, keys, Forgetful())
        self.seen: list[Job] = []

    async def run(self) -> None:
        async with self._jobs.at_work():
            while True:
                for job in await self._jobs.claim(10, is_idle=True):
                    self.seen.append(job)
                    recalled = await self._history.recall(job)
                    said = [turn.text for turn in recalled.turns] + [job.messages[0].text]
                    await self._jobs.finish(job, recalled, Reply(Outcome.ANSWERED, text=" | ".join(said)))


@pytest.fixture
def make(redis: Redis, keys: Keys) -> Callable[..., Asides]:
    """Makes what a process asks with."""
    return lambda name, end=RedisReplies: Asides(RedisInbox(redis, keys), end(redis, keys, CHANNEL, name), MOST)


@pytest.fixture
def worker(redis: Redis, keys: Keys) -> Echo:
    """A worker that is not at work yet."""
    return Echo(redis, keys)


async def until_there_is_a_job(redis: Redis, keys: Keys) -> None:
    async with asyncio.timeout(10):
        while not await redis.xlen(keys.jobs):
            await asyncio.sleep(0.005)


async def subscribed(redis: Redis, keys: Keys, count: int) -> None:
    """Wait until so many processes hear what is passed on."""
    async with asyncio.timeout(10):
        while (await redis.pubsub_numsub(keys.passed_on(CHANNEL)))[0][1] < count:
            await asyncio.sleep(0.005)


async def test_each_of_two_processes_gets_the_answers_to_its_own_questions(
    redis: Redis, keys: Keys, make: Callable[..., Asides], worker: Echo
) -> None:
    first, second = make("asides-1"), make("asides-2")
    asked = {f"{number} of {id(each)}": each for each in (first, second) for number in range(MOST)}
    async with background(first.run(), second.run(), worker.run()):
        await subscribed(redis, keys, 2)
        replies = await asyncio.gather(*(each.ask("films-en", text, {}, PATIENCE_S) for text, each in asked.items()))
        await erased(redis, keys, CHANNEL)
    assert [reply.text for reply in replies] == list(asked)


async def test_what_another_process_takes_in_is_passed_on_to_the_one_that_waits(
    redis: Redis, keys: Keys, make: Callable[..., Asides], worker: Echo
) -> None:
    asleep, awake = make("asides-1", Asleep), make("asides-2")
    async with background(asleep.run(), awake.run(), worker.run()):
        await subscribed(redis, keys, 2)
        reply = await asleep.ask("films-en", "Dune", {}, PATIENCE_S)
        await erased(redis, keys, CHANNEL)
    assert reply.text == "Dune"


async def test_what_a_dead_process_has_asked_and_taken_in_is_erased_by_the_next(
    redis: Redis, keys: Keys, make: Callable[..., Asides], worker: Echo
) -> None:
    dead, living = make("asides-1"), make("asides-2")
    async with background(worker.run()):
        await dead._inbox.begin("a1", HELLO)
        await dead._inbox.queue([dead._asked("a1", "films-en", "Dune", {}), dead._asked("b2", "films-en", "Heat", {})])
        while not await dead._replies.claim(1):  # It dies with this one in its hands.
            pass
        async with background(living.run()):
            await erased(redis, keys, CHANNEL)


async def test_what_was_said_before_stands_before_the_question(make: Callable[..., Asides], worker: Echo) -> None:
    asides = make("asides-1")
    async with background(asides.run(), worker.run()):
        reply = await asides.ask("support-en", "It is dark.", {"length": "short"}, PATIENCE_S, HELLO)
    assert reply.text == "Hello! | Hi. | It is dark."
    assert [(job.seed, job.settings) for job in worker.seen] == [("support-en", {"length": "short"})]


async def test_a_question_is_called_off_when_nobody_waits_any_more(
    redis: Redis, keys: Keys, make: Callable[..., Asides]
) -> None:
    asides = make("asides-1")
    async with background(asides.run()):
        with pytest.raises(NoAnswerInTime):
            await asides.ask("films-en", "Dune", {}, 0.02, HELLO)
        asking = asyncio.create_task(asides.ask("films-en", "Dune", {}, PATIENCE_S))
        await until_there_is_a_job(redis, keys)
        asking.cancel()
        await asyncio.wait([asking])
        assert asking.cancelled()
        await erased(redis, keys, CHANNEL)


async def test_no_more_than_so_many_wait_and_nobody_once_it_is_closed(
    redis: Redis, keys: Keys, make: Callable[..., Asides]
) -> None:
    asides = make("asides-1")
    asking = [asyncio.create_task(asides.ask("films-en", "Dune", {}, PATIENCE_S)) for _ in range(MOST)]
    await until_there_is_a_job(redis, keys)
    with pytest.raises(TooManyAsides, match="3 questions"):
        await asides.ask("films-en", "Dune", {}, PATIENCE_S)
    asides.close()
    ends = await asyncio.gather(*asking, asides.ask("films-en", "Dune", {}, PATIENCE_S), return_exceptions=True)
    assert [type(end) for end in ends] == [AsidesClosed] * (MOST + 1)
    await erased(redis, keys, CHANNEL)
