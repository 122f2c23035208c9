"""The worker loop with everything around it scripted."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from dialogue.casting import SeedCasting
from dialogue.errors import EngineUnavailable, StorageUnavailable
from dialogue.ports import Job
from dialogue.replying import Replier
from dialogue.turns import Dialogue, Outcome, Reply
from dialogue.worker import MAX_TRIES, Worker
from tests.fakes import SEED, SEEDS, MemoryHistory, MemoryJobs, ScriptedEngine, a_job, counting_draws


@asynccontextmanager
async def working(jobs: MemoryJobs, engine: ScriptedEngine, grace_s: float = 5.0) -> AsyncIterator[asyncio.Event]:
    replier = Replier(engine, SeedCasting(SEEDS, SEED.name), counting_draws())
    stopping = asyncio.Event()
    worker = Worker(jobs, MemoryHistory(), replier, slots=engine.slots, grace_s=grace_s)
    task = asyncio.create_task(worker.run(stopping))
    try:
        yield stopping
    finally:
        stopping.set()
        await task


async def test_a_job_is_answered() -> None:
    jobs = MemoryJobs([a_job("Hi")])

    async with working(jobs, ScriptedEngine([" Hello.\nUser1:"])):
        await jobs.until_finished(1)

    assert [reply.text for _, reply in jobs.finished] == ["Hello."]


async def test_what_was_answered_is_in_the_log_with_its_dialogue_and_messages(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "dialogue.worker")
    jobs = MemoryJobs([a_job("Hi", dialogue_id="7")])

    async with working(jobs, ScriptedEngine([" Hello.\nUser1:"])):
        await jobs.until_finished(1)

    assert [(each.levelname, each.dialogue, each.messages) for each in caplog.records] == [("INFO", "7", "7-0")]  # type: ignore[attr-defined]


async def test_dialogues_are_answered_side_by_side() -> None:
    gate = asyncio.Event()
    engine = ScriptedEngine([" a\nUser1:", " b\nUser1:", " c\nUser1:"], gate=gate)
    jobs = MemoryJobs([a_job("Hi", dialogue_id=str(index)) for index in range(3)])

    async with working(jobs, engine):
        while engine.at_work < 3:
            await asyncio.sleep(0)
        gate.set()
        await jobs.until_finished(3)

    assert {job.dialogue_id for job, _ in jobs.finished} == {"0", "1", "2"}


async def test_a_job_that_killed_three_workers_is_put_aside_without_being_run() -> None:
    engine = ScriptedEngine([])
    jobs = MemoryJobs([a_job("poison", tries=MAX_TRIES + 1)])

    async with working(jobs, engine):
        await jobs.until_finished(1)

    assert jobs.finished[0][1].outcome is Outcome.PUT_ASIDE
    assert engine.prompts == []


async def test_a_suspect_is_run_with_nobody_beside_it() -> None:
    gate = asyncio.Event()
    engine = ScriptedEngine([" a\nUser1:", " b\nUser1:"], gate=gate)
    jobs = MemoryJobs([a_job("suspect", dialogue_id="1", tries=2), a_job("other", dialogue_id="2")])

    async with working(jobs, engine):
        while engine.at_work < 1:
            await asyncio.sleep(0)
        for _ in range(20):
            await asyncio.sleep(0)
        beside_the_suspect = engine.at_work - 1
        gate.set()
        await jobs.until_finished(2)

    assert beside_the_suspect == 0


async def test_an_interruption_frees_the_slot_and_nothing_is_written() -> None:
    engine = ScriptedEngine([" never\nUser1:"], gate=asyncio.Event())
    jobs = MemoryJobs([a_job("Hi")])

    async with working(jobs, engine):
        while engine.at_work < 1:
            await asyncio.sleep(0)
        jobs.interrupt("1", epoch=1)
        while engine.at_work:
            await asyncio.sleep(0)

    assert jobs.finished == []


async def test_an_engine_that_is_down_gets_the_person_an_apology() -> None:
    jobs = MemoryJobs([a_job("Hi")])

    async with working(jobs, ScriptedEngine([EngineUnavailable("down")])):
        await jobs.until_finished(1)

    assert jobs.finished[0][1].outcome is Outcome.ENGINE_DOWN


async def test_a_fault_in_one_dialogue_is_told_to_its_author_and_spares_the_others() -> None:
    jobs = MemoryJobs([a_job("Hi", dialogue_id="1"), a_job("Hi", dialogue_id="2")])

    async with working(jobs, ScriptedEngine([ValueError("a bug"), " Hello.\nUser1:"])):
        await jobs.until_finished(2)

    assert {job.dialogue_id: reply.outcome for job, reply in jobs.finished} == {
        "1": Outcome.ENGINE_DOWN,
        "2": Outcome.ANSWERED,
    }


async def test_what_is_not_done_in_time_is_handed_back() -> None:
    engine = ScriptedEngine([" never\nUser1:"], gate=asyncio.Event())
    jobs = MemoryJobs([a_job("Hi")])

    async with working(jobs, engine, grace_s=0.01):
        while engine.at_work < 1:
            await asyncio.sleep(0)

    assert [job.dialogue_id for job in jobs.handed_back] == ["1"]
    assert jobs.finished == []


async def test_what_is_nearly_done_is_finished_before_stopping() -> None:
    gate = asyncio.Event()
    engine = ScriptedEngine([" Hello.\nUser1:"], gate=gate)
    jobs = MemoryJobs([a_job("Hi")])

    async with working(jobs, engine) as stopping:
        while engine.at_work < 1:
            await asyncio.sleep(0)
        stopping.set()
        gate.set()

    assert len(jobs.finished) == 1
    assert jobs.handed_back == []


class JobsThatComeBack(MemoryJobs):
    """Cannot finish at first: Redis is being restarted."""

    refusals = 1

    async def finish(self, job: Job, recalled: Dialogue, reply: Reply) -> None:
        if self.refusals:
            self.refusals -= 1
            raise StorageUnavailable("restarting")
        await super().finish(job, recalled, reply)


async def test_a_reply_waits_for_storage_to_come_back() -> None:
    jobs = JobsThatComeBack([a_job("Hi")])

    async with working(jobs, ScriptedEngine([" Hello.\nUser1:"])):
        await jobs.until_finished(1)

    assert jobs.finished[0][1].text == "Hello."
