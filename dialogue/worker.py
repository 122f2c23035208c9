"""The worker loop: claim, remember, reply, finish, for many dialogues at a time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from dialogue.errors import EngineError, GovorunError, StaleJob, StorageUnavailable
from dialogue.failpoints import reach
from dialogue.ports import History, Job, Jobs
from dialogue.replying import Replier
from dialogue.turns import Dialogue, Outcome, Reply

logger = logging.getLogger(__name__)

T = TypeVar("T")

MAX_TRIES = 3
"""A job that has killed this many workers is put aside and its author told."""

_STORAGE_PAUSE_S = 0.5


@dataclass(frozen=True, slots=True)
class _Work:
    job: Job
    task: asyncio.Task[None]


@dataclass
class Worker:
    """Answers jobs until it is told to stop.

    Args:
        slots: how many dialogues it works on at a time.
        grace_s: how long it may finish what it has begun once it is told to stop; what is left is handed back.
        observe: told of every reply, for the metrics.
    """

    jobs: Jobs
    history: History
    replier: Replier
    slots: int
    grace_s: float = 6.0
    observe: Callable[[Job, Reply], None] = lambda job, reply: None
    _at_work: dict[str, _Work] = field(default_factory=dict)

    async def run(self, stopping: asyncio.Event) -> None:
        """Work until `stopping` is set, then finish or hand back what is in hand."""
        listener = asyncio.create_task(self._heed_interruptions(), name="interruptions")
        try:
            while not stopping.is_set():
                await self._take_on_more()
            await self._wind_down()
        finally:
            listener.cancel()
            with suppress(asyncio.CancelledError):
                await listener

    async def _take_on_more(self) -> None:
        free = self.slots - len(self._at_work)
        is_alone = any(work.job.tries > 1 for work in self._at_work.values())
        if free <= 0 or is_alone:
            await self._one_done()
            return
        try:
            claimed = await self.jobs.claim(free, is_idle=not self._at_work)
        except StorageUnavailable as error:
            logger.warning("no jobs: %s", error)
            await asyncio.sleep(_STORAGE_PAUSE_S)
            return
        for job in claimed:
            task = asyncio.create_task(self._work(job), name=f"dialogue {job.dialogue_id}")
            self._at_work[job.dialogue_id] = _Work(job, task)
            task.add_done_callback(lambda done, job=job: self._clear(job, done))  # type: ignore[misc]

    async def _one_done(self) -> None:
        # A limit, because a worker that is full must still notice that it is to stop.
        tasks = [work.task for work in self._at_work.values()]
        await asyncio.wait(tasks, timeout=_STORAGE_PAUSE_S, return_when=asyncio.FIRST_COMPLETED)

    def _clear(self, job: Job, task: asyncio.Task[None]) -> None:
        work = self._at_work.get(job.dialogue_id)
        if work is not None and work.task is task:
            del self._at_work[job.dialogue_id]

    async def _work(self, job: Job) -> None:
        try:
            await self._answer(job)
        except StaleJob as error:
            logger.info("dropped: %s", error, extra=_ids(job))
        except asyncio.CancelledError:
            logger.info("called off", extra=_ids(job))
            raise
        except Exception:
            # The outermost catch of a job: a fault in one dialogue is told to its author and never to the others.
            logger.exception("could not be answered", extra=_ids(job))
            with suppress(StaleJob):
                await self._finish(job, Dialogue(), Reply(Outcome.ENGINE_DOWN, job.messages[0].ask))

    async def _answer(self, job: Job) -> None:
        if job.tries > MAX_TRIES:
            logger.error("put aside after %d workers died of it", MAX_TRIES, extra=_ids(job))
            await self._finish(job, Dialogue(), Reply(Outcome.PUT_ASIDE, job.messages[0].ask))
            return
        recalled = await self._insist(lambda: self.history.recall(job))
        reach("worker-recalled")
        try:
            publish = partial(self.jobs.publish_draft, job)
            reply = await self._insist(lambda: self.replier.reply(job, recalled, publish))
        except EngineError as error:
            logger.warning("no reply: %s", error, extra=_ids(job))
            reply = Reply(Outcome.ENGINE_DOWN, job.messages[0].ask)
        reach("worker-generated")
        await self._finish(job, recalled, reply)
        reach("worker-finished")

    async def _finish(self, job: Job, recalled: Dialogue, reply: Reply) -> None:
        await self._insist(lambda: self.jobs.finish(job, recalled, reply))
        self.observe(job, reply)
        logger.info("%s", reply.outcome.value, extra=_ids(job))

    async def _insist(self, action: Callable[[], Awaitable[T]]) -> T:
        """Do it as soon as storage is there again; the heartbeat lapses in the meantime, the fencing number holds."""
        while True:
            try:
                return await action()
            except StorageUnavailable as error:
                logger.warning("waits for storage: %s", error)
                await asyncio.sleep(_STORAGE_PAUSE_S)

    async def _heed_interruptions(self) -> None:
        async for interruption in self.jobs.interruptions():
            work = self._at_work.get(interruption.dialogue_id)
            if work is not None and work.job.epoch < interruption.epoch:
                work.task.cancel()

    async def _wind_down(self) -> None:
        works = list(self._at_work.values())
        if not works:
            return
        _, unfinished = await asyncio.wait([work.task for work in works], timeout=self.grace_s)
        for work in works:
            if work.task in unfinished:
                work.task.cancel()
                await asyncio.wait([work.task])
                with suppress(GovorunError):
                    await self.jobs.hand_back(work.job)


def _ids(job: Job) -> dict[str, str]:
    return {"dialogue": job.dialogue_id, "messages": ",".join(job.message_ids)}
