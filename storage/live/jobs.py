"""Jobs for the workers, kept in a Redis stream: claimed, finished, handed back and taken over."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from redis.asyncio import Redis

from dialogue.errors import StaleJob, StorageUnavailable
from dialogue.ports import Interruption, Job
from dialogue.turns import Ask, Dialogue, Message, Outcome, Reply, Speaker, Turn
from storage.live.consumer_group import ConsumerGroup, Entry
from storage.live.drafts import RedisDrafts
from storage.live.keys import ANSWERED_KEPT, HISTORY_LIFETIME_S, HISTORY_TURNS, PUT_ASIDE_KEPT, WORKERS, Keys
from storage.live.redis_connection import DialogueScript, translated_errors
from storage.live.wire import UnreadableRecord, decode_asked, encode_finished, encode_turn
from storage.records import Finished

logger = logging.getLogger(__name__)

# A claim that finds nothing waits this long; also how late a drained worker notices that it is to stop.
_CLAIM_WAIT_S = 0.5


class RedisJobs:
    """The `Jobs` port on Redis.

    Args:
        worker: this worker's name, never used by another.
        clock: seconds since the epoch.
    """

    def __init__(
        self, redis: Redis, keys: Keys, drafts: RedisDrafts, worker: str, clock: Callable[[], float] = time.time
    ) -> None:
        self._redis = redis
        self._keys = keys
        self._drafts = drafts
        self._clock = clock
        self._group = ConsumerGroup(redis, keys, keys.jobs, WORKERS, worker)
        self._suspects: deque[Entry] = deque()
        self._claim = DialogueScript(redis, "claim")
        self._finish = DialogueScript(redis, "finish")
        self._hand_back = DialogueScript(redis, "hand_back")

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """Keep the heartbeat going, so that nobody takes this worker's jobs."""
        async with self._group.beating():
            yield

    async def claim(self, limit: int, is_idle: bool) -> Sequence[Job]:
        """See `Jobs.claim`."""
        self._suspects.extend(await self._group.abandoned(limit))
        if self._suspects:
            return await self._claim_suspect() if is_idle else await self._wait_for_idleness()
        entries = await self._group.new(limit, _CLAIM_WAIT_S)
        started = await asyncio.gather(*[self._start(entry) for entry in entries])
        return [job for job in started if job is not None]

    async def finish(self, job: Job, recalled: Dialogue, reply: Reply) -> None:
        """See `Jobs.finish`."""
        finished = Finished(
            reply_id=uuid.uuid4().hex,
            channel=job.channel,
            dialogue_id=job.dialogue_id,
            epoch=job.epoch,
            message_ids=job.message_ids,
            reply=reply,
        )
        is_written = await self._finish(
            [*self._keys.dialogue(job.dialogue_id), self._keys.replies(job.channel), self._keys.put_aside],
            [
                job.dialogue_id,
                job.ticket,
                job.attempt,
                encode_finished(finished),
                int(reply.outcome is Outcome.PUT_ASIDE),
                int(_replaces_last_turn(recalled, reply)),
                HISTORY_TURNS,
                PUT_ASIDE_KEPT,
                HISTORY_LIFETIME_S,
                ANSWERED_KEPT,
                len(recalled.turns),
                *_new_turns(job, finished),
            ],
        )
        self._group.release(job.ticket)
        if not is_written:
            raise StaleJob(f"dialogue {job.dialogue_id}: attempt {job.attempt} of job {job.ticket} is out of date")

    async def hand_back(self, job: Job) -> None:
        """See `Jobs.hand_back`."""
        await self._hand_back(self._keys.dialogue(job.dialogue_id), [job.dialogue_id, job.ticket, job.attempt])
        self._group.release(job.ticket)

    async def interruptions(self) -> AsyncIterator[Interruption]:
        """See `Jobs.interruptions`."""
        async for each in self._drafts.interruptions():
            yield each

    def publish_draft(self, job: Job, text: str) -> None:
        """See `Jobs.publish_draft`."""
        self._drafts.publish(job.channel, job.dialogue_id, job.epoch, text)

    async def _wait_for_idleness(self) -> Sequence[Job]:
        # The suspects wait here until this worker has nothing else to lose; waiting does not count as a try.
        await asyncio.sleep(_CLAIM_WAIT_S / 10)
        return []

    async def _claim_suspect(self) -> Sequence[Job]:
        job = await self._start(self._suspects.popleft())
        return [job] if job is not None else []

    async def _start(self, entry: Entry) -> Job | None:
        ticket, fields = entry
        dialogue_id = fields.get("dialogue", "")
        try:
            claimed: list[str] = await self._claim(self._keys.dialogue(dialogue_id), [dialogue_id, ticket])
        except StorageUnavailable as error:
            logger.warning("dialogue %s: not started yet: %s", dialogue_id, error)
            self._group.drop(ticket)
            return None
        if not claimed:
            self._group.release(ticket)
            return None
        attempt, epoch, tries, *messages = claimed
        try:
            asked = [decode_asked(dialogue_id, data) for data in messages]
        except UnreadableRecord as error:
            # SQL has the messages too: with the unreadable ones gone, the reconciler queues them again.
            logger.error("dialogue %s: inbox dropped: %s", dialogue_id, error)
            async with translated_errors():
                await self._redis.delete(self._keys.inbox(dialogue_id))
            await self._claim(self._keys.dialogue(dialogue_id), [dialogue_id, ticket])
            self._group.release(ticket)
            return None
        return Job(
            dialogue_id=dialogue_id,
            channel=asked[0].channel,
            seed=asked[-1].seed,
            settings=asked[-1].settings,
            messages=tuple(Message(each.text, each.ask) for each in asked),
            message_ids=tuple(each.message_id for each in asked),
            after=asked[-1].after,
            age_s=max(0.0, self._clock() - asked[0].at),
            tries=int(tries),
            attempt=int(attempt),
            epoch=int(epoch),
            ticket=ticket,
        )


def _replaces_last_turn(recalled: Dialogue, reply: Reply) -> bool:
    is_another_version = reply.ask is not Ask.SAY and reply.outcome is Outcome.ANSWERED
    return is_another_version and bool(recalled.turns) and recalled.turns[-1].speaker is Speaker.BOT


def _new_turns(job: Job, finished: Finished) -> list[str]:
    if finished.reply.outcome is Outcome.PUT_ASIDE:
        return []  # in the history it would kill the next worker too
    said = zip(job.messages, job.message_ids, strict=True)
    turns = [
        encode_turn(Turn(Speaker.PERSON, message.text), message_id)
        for message, message_id in said
        if message.ask is Ask.SAY
    ]
    if finished.reply.outcome is Outcome.ANSWERED:
        turns.append(encode_turn(Turn(Speaker.BOT, finished.reply.turn_text), finished.reply_id))
    return turns
