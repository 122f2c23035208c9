"""The history in Redis is made again from the log whenever it is missing, out of date or half."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from redis.asyncio import Redis

from dialogue.errors import StorageUnavailable
from dialogue.ports import Job
from dialogue.turns import Dialogue
from storage.live.drafts import RedisDrafts
from storage.live.history import RedisHistory
from storage.live.inbox import RedisInbox
from storage.live.jobs import RedisJobs
from storage.live.keys import Keys
from storage.live.presence import process_name
from storage.live.replies import RedisReplies
from storage.records import LoggedHistory
from tests.fakes import answered, said
from tests.storage.live.test_jobs import asked, claimed


@dataclass
class RememberingLog:
    """A log that has what the test put into it and counts how often it is read."""

    logged: LoggedHistory = field(default_factory=lambda: LoggedHistory(Dialogue(), ()))
    reads: int = 0

    async def history(self, dialogue_id: str) -> LoggedHistory:
        self.reads += 1
        return self.logged


@dataclass
class Live:
    redis: Redis
    keys: Keys
    inbox: RedisInbox
    jobs: RedisJobs
    log: RememberingLog
    history: RedisHistory

    async def record(self) -> None:
        """Take everything that was finished out of the stream, as a recorder does once it is in the log."""
        replies = RedisReplies(self.redis, self.keys, "test", process_name("test"))
        await replies.acknowledge(await replies.claim(10))

    async def job(self, message_id: str, after: str = "") -> Job:
        await self.inbox.queue([replace(asked(message_id, f"message {message_id}"), after=after)])
        return await claimed(self.jobs)


@pytest.fixture
def live(redis: Redis, keys: Keys) -> Live:
    log = RememberingLog()
    jobs = RedisJobs(redis, keys, RedisDrafts(redis, keys), "worker-of-this-test")
    return Live(redis, keys, RedisInbox(redis, keys), jobs, log, RedisHistory(redis, keys, log))


async def test_a_lost_history_is_rebuilt_from_the_log(live: Live) -> None:
    live.log.logged = LoggedHistory(said("Hi", "Hello."), ("1", "r1"))
    job = await live.job("2", after="r1")

    recalled = await live.history.recall(job)

    assert [turn.text for turn in recalled.turns] == ["Hi", "Hello."]


async def test_a_history_that_is_there_is_not_read_from_the_log(live: Live) -> None:
    job = await live.job("1")
    await live.jobs.finish(job, await live.history.recall(job), answered("Hello."))
    reads = live.log.reads

    recalled = await live.history.recall(await live.job("2"))

    assert [turn.text for turn in recalled.turns] == ["message 1", "Hello."]
    assert live.log.reads == reads


async def test_a_history_without_the_last_recorded_reply_is_out_of_date(live: Live) -> None:
    job = await live.job("1")
    await live.jobs.finish(job, await live.history.recall(job), answered("what Redis has"))
    await live.record()
    live.log.logged = LoggedHistory(said("message 1", "what the log has"), ("1", "r9"))

    recalled = await live.history.recall(await live.job("2", after="r9"))

    assert [turn.text for turn in recalled.turns] == ["message 1", "what the log has"]


async def test_a_history_is_not_rebuilt_while_a_reply_is_on_its_way_to_the_log(live: Live) -> None:
    job = await live.job("1")
    await live.jobs.finish(job, await live.history.recall(job), answered("Hello."))
    await live.redis.delete(live.keys.history("7"))
    job = await live.job("2")

    with pytest.raises(StorageUnavailable, match="on its way"):
        await live.history.recall(job)
    await live.record()
    live.log.logged = LoggedHistory(said("message 1", "Hello."), ("1", "r1"))

    assert [turn.text for turn in (await live.history.recall(job)).turns] == ["message 1", "Hello."]


async def test_the_messages_of_the_job_are_not_in_its_own_history(live: Live) -> None:
    live.log.logged = LoggedHistory(said("Hi", "Hello.", "message 3"), ("1", "r1", "3"))

    recalled = await live.history.recall(await live.job("3", after="r1"))

    assert [turn.text for turn in recalled.turns] == ["Hi", "Hello."]


async def test_half_a_history_never_passes_for_a_whole_one(live: Live) -> None:
    live.log.logged = LoggedHistory(said("Hi", "Hello."), ("1", "r1"))
    job = await live.job("2", after="r1")
    recalled = await live.history.recall(job)
    await live.redis.delete(live.keys.history("7"))

    await live.jobs.finish(job, recalled, answered("Bye."))

    assert await live.redis.exists(live.keys.history("7")) == 0
