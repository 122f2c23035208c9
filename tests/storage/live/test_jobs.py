"""Jobs on a real valkey: one at a time per dialogue, in order, never lost, never written twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from redis.asyncio import Redis

from dialogue.errors import StaleJob
from dialogue.ports import Job
from dialogue.turns import Ask, Dialogue, Outcome, Reply, Speaker
from storage.live.drafts import RedisDrafts
from storage.live.history import RedisHistory
from storage.live.inbox import RedisInbox
from storage.live.jobs import RedisJobs
from storage.live.keys import Keys
from storage.live.presence import Backlog, Presence, process_name
from storage.live.redis_connection import redis_connection
from storage.live.replies import RedisReplies
from storage.live.wire import decode_asked
from storage.records import Asked, Finished, LoggedHistory
from tests.fakes import answered
from tests.storage.live.frail_wire import frail_wire


class NothingLogged:
    """A log that knows no dialogue yet."""

    async def history(self, dialogue_id: str) -> LoggedHistory:
        return LoggedHistory(Dialogue(), ())


@dataclass
class Rig:
    """The live state as its users see it."""

    redis: Redis
    keys: Keys
    inbox: RedisInbox
    history: RedisHistory
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def worker(self) -> RedisJobs:
        jobs = RedisJobs(self.redis, self.keys, RedisDrafts(self.redis, self.keys), process_name("worker"))
        await self._stack.enter_async_context(jobs.at_work())
        return jobs

    async def dead_worker(self) -> RedisJobs:
        """A worker that has no heartbeat, as after SIGKILL or during SIGSTOP."""
        return RedisJobs(self.redis, self.keys, RedisDrafts(self.redis, self.keys), process_name("worker"))

    async def recorded(self) -> list[Finished]:
        replies = RedisReplies(self.redis, self.keys, "test", process_name("test"))
        return await replies.claim(1000)

    async def answer(self, jobs: RedisJobs, text: str) -> Job:
        job = await claimed(jobs)
        await jobs.finish(job, await self.history.recall(job), answered(text, job.messages[0].ask))
        return job


@pytest.fixture
async def rig(redis: Redis, keys: Keys) -> AsyncIterator[Rig]:
    rig = Rig(redis, keys, RedisInbox(redis, keys), RedisHistory(redis, keys, NothingLogged()))
    async with rig._stack:
        yield rig


async def claimed(jobs: RedisJobs, is_idle: bool = True) -> Job:
    """Claim one job, searching for dead workers as long as it takes."""
    while True:
        for job in await jobs.claim(1, is_idle):
            return job


def asked(message_id: str, text: str = "Hi", dialogue_id: str = "7", epoch: int = 0, ask: Ask = Ask.SAY) -> Asked:
    return Asked(message_id, "test", dialogue_id, epoch, "plain-en", {"length": "short"}, ask, text, "", 1.0)


async def nothing_is_left(rig: Rig) -> bool:
    return await Presence(rig.redis, rig.keys).backlog() == Backlog(0, 0)


async def test_a_message_becomes_a_job_with_all_it_needs(rig: Rig) -> None:
    jobs = await rig.worker()
    await rig.inbox.queue([asked("1", "Hello\ud800\x00\u2028")])

    job = await claimed(jobs)

    assert [message.text for message in job.messages] == ["Hello\ud800\x00\u2028"]
    assert (job.message_ids, job.channel, job.seed, job.settings) == (("1",), "test", "plain-en", {"length": "short"})
    assert (job.tries, job.attempt, job.epoch) == (1, 1, 0)


async def test_messages_sent_while_the_bot_thinks_are_answered_together_in_one_more_job(rig: Rig) -> None:
    jobs = await rig.worker()
    await rig.inbox.queue([asked("1", "one")])
    first = await claimed(jobs)
    await rig.inbox.queue([asked("2", "two"), asked("3", "three")])

    meanwhile = await jobs.claim(5, is_idle=False)
    await jobs.finish(first, Dialogue(), answered("reply to one"))
    second = await claimed(jobs)

    assert meanwhile == []
    assert [message.text for message in second.messages] == ["two", "three"]
    recalled = await rig.history.recall(second)
    assert [turn.text for turn in recalled.turns] == ["one", "reply to one"]


async def test_a_retry_is_never_mixed_with_words(rig: Rig) -> None:
    jobs = await rig.worker()
    await rig.inbox.queue([asked("1", "one"), asked("2", "", ask=Ask.RETRY), asked("3", "three")])

    asks = [[message.ask for message in (await rig.answer(jobs, "r")).messages] for _ in range(3)]

    assert asks == [[Ask.SAY], [Ask.RETRY], [Ask.SAY]]


async def test_a_message_is_queued_once_however_often_it_is_tried(rig: Rig) -> None:
    jobs = await rig.worker()
    await rig.inbox.queue([asked("1")])
    await rig.inbox.queue([asked("1")])
    await rig.answer(jobs, "reply")
    await rig.inbox.queue([asked("1")])  # answered, but not recorded in SQL yet

    assert await nothing_is_left(rig)
    assert len(await rig.recorded()) == 1


async def test_what_missed_the_queue_goes_before_what_was_said_after_it(rig: Rig) -> None:
    jobs = await rig.worker()
    await rig.inbox.queue([asked("1")])
    await claimed(jobs)
    await rig.inbox.queue([asked("1"), asked("3")])

    await rig.inbox.queue([asked("1"), asked("2"), asked("3")])

    inbox = await rig.redis.lrange(rig.keys.inbox("7"), 0, -1)
    assert [decode_asked("7", str(data)).message_id for data in inbox] == ["1", "2", "3"]


async def test_what_does_not_wait_any_more_is_taken_out_of_the_queue(rig: Rig) -> None:
    jobs = await rig.worker()
    await rig.inbox.queue([asked("1"), asked("2"), asked("4")])

    await rig.inbox.queue([asked("3")])

    assert (await claimed(jobs)).message_ids == ("3", "4")


async def test_an_answered_message_is_not_queued_again_until_its_reply_is_refused(rig: Rig) -> None:
    jobs = await rig.worker()
    await rig.inbox.queue([asked("1")])
    await rig.answer(jobs, "reply")
    await rig.redis.delete(rig.keys.history("7"))

    await rig.inbox.queue([asked("1")])
    was_idle = await nothing_is_left(rig)
    await rig.inbox.take_back(await rig.recorded())
    await rig.inbox.queue([asked("1")])

    assert was_idle
    assert (await claimed(jobs)).message_ids == ("1",)


async def test_a_refusal_that_comes_late_leaves_the_answers_of_a_later_epoch(rig: Rig) -> None:
    jobs = await rig.worker()
    await rig.inbox.queue([asked("1")])
    await rig.answer(jobs, "void")
    late = await rig.recorded()
    # Another recorder was faster.
    await RedisReplies(rig.redis, rig.keys, "test", process_name("test")).acknowledge(late)
    await rig.inbox.interrupt("7", 1)
    await rig.inbox.queue([asked("1", epoch=1)])
    job = await rig.answer(jobs, "reply")

    await rig.inbox.take_back(late)
    await rig.inbox.queue([asked("1", epoch=1)])

    assert await nothing_is_left(rig)
    assert [turn.text for turn in (await rig.history.recall(job)).turns] == ["Hi", "reply"]


async def test_finishing_writes_history_reply_and_acknowledgement(rig: Rig) -> None:
    jobs = await rig.worker()
    await rig.inbox.queue([asked("1", "Hi")])

    job = await rig.answer(jobs, "Hello.")

    [finished] = await rig.recorded()
    assert (finished.dialogue_id, finished.message_ids, finished.reply.text) == ("7", ("1",), "Hello.")
    recalled = await rig.history.recall(replace(job, after=finished.reply_id))
    assert [(turn.speaker, turn.text) for turn in recalled.turns] == [
        (Speaker.PERSON, "Hi"),
        (Speaker.BOT, "Hello."),
    ]
    assert await nothing_is_left(rig)


async def test_a_retried_reply_replaces_the_last_turn(rig: Rig) -> None:
    jobs = await rig.worker()
    await rig.inbox.queue([asked("1", "Hi"), asked("2", "", ask=Ask.RETRY)])

    await rig.answer(jobs, "first")
    job = await rig.answer(jobs, "second")

    assert [turn.text for turn in (await rig.history.recall(job)).turns] == ["Hi", "second"]


async def test_words_without_a_reply_stay_in_the_history(rig: Rig) -> None:
    jobs = await rig.worker()
    await rig.inbox.queue([asked("1", "Hi")])
    job = await claimed(jobs)

    await jobs.finish(job, Dialogue(), Reply(Outcome.ENGINE_DOWN))

    assert [turn.text for turn in (await rig.history.recall(job)).turns] == ["Hi"]


async def test_a_poisonous_message_does_not_stay_in_the_history(rig: Rig) -> None:
    jobs = await rig.worker()
    await rig.inbox.queue([asked("1", "poison")])
    job = await claimed(jobs)

    await jobs.finish(job, Dialogue(), Reply(Outcome.PUT_ASIDE))

    assert await rig.redis.lrange(rig.keys.history("7"), 0, -1) == []
    assert await rig.redis.xlen(rig.keys.put_aside) == 1


async def test_a_job_of_a_dead_worker_is_taken_over_with_its_tries_counted(rig: Rig) -> None:
    dead, living = await rig.dead_worker(), await rig.worker()
    await rig.inbox.queue([asked("1")])
    lost = await claimed(dead)

    taken = await claimed(living)

    assert taken.messages == lost.messages
    assert (taken.tries, taken.attempt) == (2, lost.attempt + 1)


async def test_the_late_result_of_a_worker_that_was_taken_for_dead_is_refused(rig: Rig) -> None:
    stopped, living = await rig.dead_worker(), await rig.worker()
    await rig.inbox.queue([asked("1")])
    old = await claimed(stopped)
    new = await claimed(living)

    with pytest.raises(StaleJob):
        await stopped.finish(old, Dialogue(), answered("late"))
    await living.finish(new, Dialogue(), answered("in time"))

    assert [each.reply.text for each in await rig.recorded()] == ["in time"]


async def test_a_job_of_a_living_worker_is_never_taken(rig: Rig) -> None:
    busy, idle = await rig.worker(), await rig.worker()
    await rig.inbox.queue([asked("1")])
    job = await claimed(busy)

    # Longer than a heartbeat lives: only a beating heart keeps the job.
    stolen: list[Sequence[Job]] = [await idle.claim(5, is_idle=True) for _ in range(8)]
    await busy.finish(job, Dialogue(), answered("mine"))

    assert not any(stolen)


async def test_a_dead_workers_job_is_found_behind_the_long_jobs_of_the_living(rig: Rig) -> None:
    busy, dead, idle = await rig.worker(), await rig.dead_worker(), await rig.worker()
    await rig.inbox.queue([asked("1", dialogue_id="long")])
    await claimed(busy)
    await rig.inbox.queue([asked("1", dialogue_id="lost")])
    await claimed(dead)

    job = await claimed(idle)

    assert job.dialogue_id == "lost"


async def test_a_job_whose_handing_out_was_lost_on_the_way_is_handed_out_again(
    rig: Rig, redis_url: str, keys: Keys
) -> None:
    with TemporaryDirectory(prefix="gv-") as folder:
        socket = Path(folder) / "s"
        server = Path(redis_url.removeprefix("unix://"))
        async with frail_wire(server, socket) as wire, redis_connection(f"unix://{socket}") as redis:
            jobs = RedisJobs(redis, keys, RedisDrafts(redis, keys), process_name("worker"))
            async with jobs.at_work():
                await jobs.claim(1, is_idle=True)
                wire.lose_answer_with(b"dialogue")
                await rig.inbox.queue([asked("1")])

                job = await claimed(jobs)

    assert wire.has_lost
    assert job.message_ids == ("1",)


async def test_a_suspect_waits_until_its_worker_is_idle(rig: Rig) -> None:
    dead, living = await rig.dead_worker(), await rig.worker()
    await rig.inbox.queue([asked("1")])
    await claimed(dead)

    busy = [await living.claim(5, is_idle=False) for _ in range(30)]
    alone = await claimed(living, is_idle=True)

    assert not any(busy)
    assert alone.tries == 2


async def test_a_job_handed_back_goes_to_another_worker_without_counting_a_try(rig: Rig) -> None:
    leaving, staying = await rig.worker(), await rig.worker()
    await rig.inbox.queue([asked("1")])
    job = await claimed(leaving)

    await leaving.hand_back(job)
    again = await claimed(staying)

    assert (again.tries, again.messages) == (1, job.messages)
    with pytest.raises(StaleJob):
        await leaving.finish(job, Dialogue(), answered("late"))


async def test_an_interruption_voids_what_waits_and_what_is_being_written(rig: Rig) -> None:
    jobs = await rig.worker()
    await rig.inbox.queue([asked("1", "one")])
    job = await claimed(jobs)
    await rig.inbox.queue([asked("2", "two")])

    await rig.inbox.interrupt("7", epoch=1)

    with pytest.raises(StaleJob):
        await jobs.finish(job, Dialogue(), answered("void"))
    assert await nothing_is_left(rig)
    assert await rig.recorded() == []


async def test_what_was_said_before_an_interruption_is_not_queued_after_it(rig: Rig) -> None:
    await rig.inbox.interrupt("7", epoch=2)

    await rig.inbox.queue([asked("1", epoch=1)])

    assert await nothing_is_left(rig)


async def test_workers_hear_of_interruptions(rig: Rig) -> None:
    jobs = await rig.worker()
    heard = jobs.interruptions()
    first = asyncio.ensure_future(anext(heard))
    while not await rig.redis.pubsub_numsub(rig.keys.interruptions) or first.done():
        await asyncio.sleep(0.01)
    while dict(await rig.redis.pubsub_numsub(rig.keys.interruptions))[rig.keys.interruptions] == 0:
        await asyncio.sleep(0.01)

    await rig.inbox.interrupt("7", epoch=3)

    interruption = await first
    assert (interruption.dialogue_id, interruption.epoch) == ("7", 3)
    await heard.aclose()  # type: ignore[attr-defined]


async def test_jobs_survive_the_loss_of_the_consumer_group(rig: Rig) -> None:
    jobs = await rig.worker()
    await rig.inbox.queue([asked("1")])
    await rig.redis.xgroup_destroy(rig.keys.jobs, "workers")

    job = await claimed(jobs)

    assert job.message_ids == ("1",)


async def test_ten_thousand_jobs_wait_untrimmed_until_workers_come(rig: Rig) -> None:
    count = 10_000
    for start in range(0, count, 1000):
        await rig.inbox.queue([asked("1", dialogue_id=str(index)) for index in range(start, start + 1000)])

    assert await Presence(rig.redis, rig.keys).backlog() == Backlog(count, 0)


async def test_a_forged_inbox_is_dropped_and_never_run(rig: Rig) -> None:
    jobs = await rig.worker()
    await rig.inbox.queue([asked("1")])
    await rig.redis.lset(rig.keys.inbox("7"), 0, '{"v":99,"id":"1","ask":"say"}')

    assert [await jobs.claim(1, is_idle=True) for _ in range(2)] == [[], []]
    assert await nothing_is_left(rig)


async def test_what_a_recorder_left_behind_comes_before_newer_replies(rig: Rig) -> None:
    jobs = await rig.worker()
    leaving = RedisReplies(rig.redis, rig.keys, "test", process_name("test"))
    coming = RedisReplies(rig.redis, rig.keys, "test", process_name("test"))
    await rig.inbox.queue([asked("1")])
    await rig.answer(jobs, "first")
    async with leaving.at_work():
        await leaving.claim(10)
    await rig.inbox.queue([asked("2")])
    await rig.answer(jobs, "second")

    claimed = [each.reply.text for each in await coming.claim(10) + await coming.claim(10)]

    assert claimed == ["first", "second"]


async def test_a_recorder_learns_that_redis_lost_what_it_recorded(rig: Rig) -> None:
    jobs = await rig.worker()
    await rig.inbox.queue([asked("1"), asked("1", dialogue_id="8")])
    await rig.answer(jobs, "kept")
    await rig.answer(jobs, "lost")
    replies = RedisReplies(rig.redis, rig.keys, "test", process_name("test"))
    kept, lost = await replies.claim(10)
    await rig.redis.xdel(rig.keys.replies("test"), lost.ticket)

    assert [await replies.acknowledge([each]) for each in (kept, lost)] == [True, False]


async def test_replies_of_a_dead_recorder_are_taken_over(rig: Rig) -> None:
    jobs = await rig.worker()
    await rig.inbox.queue([asked("1")])
    await rig.answer(jobs, "Hello.")
    dead = RedisReplies(rig.redis, rig.keys, "test", process_name("test"))
    living = RedisReplies(rig.redis, rig.keys, "test", process_name("test"))
    await dead.claim(10)

    taken: list[Finished] = []
    while not taken:
        taken = await living.claim(10)
    await living.acknowledge(taken)

    assert [each.reply.text for each in taken] == ["Hello."]
    assert await rig.redis.xlen(rig.keys.replies("test")) == 0


async def test_work_on_the_stream_ends_when_it_is_cancelled_at_whatever_moment(rig: Rig) -> None:
    jobs = await rig.worker()

    async def claim_for_ever() -> None:
        while True:
            await jobs.claim(1, is_idle=True)

    for moment in range(40):
        task = asyncio.create_task(claim_for_ever())
        for _ in range(moment):
            await asyncio.sleep(0)
        task.cancel()
        _, unfinished = await asyncio.wait([task], timeout=5)
        assert not unfinished, f"the cancellation after {moment} steps was swallowed"
