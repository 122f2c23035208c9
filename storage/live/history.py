"""The history of a dialogue in Redis: a copy of what SQL has, made again whenever it is missing or out of date."""

from __future__ import annotations

import logging
from typing import Any, Protocol

from redis.asyncio import Redis

from dialogue.errors import StaleJob, StorageUnavailable
from dialogue.ports import Job
from dialogue.turns import Dialogue
from storage.live.keys import HISTORY_LIFETIME_S, HISTORY_TURNS, Keys
from storage.live.redis_connection import DialogueScript, translated_errors
from storage.live.rehearsal import rehearsed
from storage.live.wire import UnreadableRecord, decode_turn, encode_turn
from storage.records import LoggedHistory

logger = logging.getLogger(__name__)


class ConversationLog(Protocol):
    """Where everything that was said is kept for good."""

    async def history(self, dialogue_id: str) -> LoggedHistory:
        """Return the kept turns of a dialogue, oldest first."""


class RedisHistory:
    """The `History` port on Redis."""

    def __init__(self, redis: Redis, keys: Keys, log: ConversationLog) -> None:
        self._redis = redis
        self._keys = keys
        self._log = log
        self._restore = DialogueScript(redis, "restore")

    async def recall(self, job: Job) -> Dialogue:
        """See `History.recall`.

        Raises:
            StaleJob: somebody else has the job now.
            StorageUnavailable: worth another try later.
        """
        async with translated_errors():
            kept: list[Any] = await self._redis.lrange(self._keys.history(job.dialogue_id), 0, -1)
        try:
            turns = [decode_turn(data) for data in kept]
        except UnreadableRecord as error:
            logger.warning("dialogue %s: history read from SQL again: %s", job.dialogue_id, error)
            turns = []
        is_up_to_date = not job.after or any(turn_id == job.after for _, turn_id in turns)
        if turns and is_up_to_date:
            return Dialogue(tuple(turn for turn, _ in turns))
        return await self._rebuild(job)

    async def _rebuild(self, job: Job) -> Dialogue:
        async with translated_errors():
            is_late: Any = await self._redis.hget(self._keys.state(job.dialogue_id), "unrecorded")
            # The count alone is not trusted: where it was wrong for once, nobody would be answered any more.
            is_late = is_late and await self._redis.xlen(self._keys.replies(job.channel))
        if is_late:
            # Without it, what is rebuilt now would have a hole that nobody notices later.
            raise StorageUnavailable(f"dialogue {job.dialogue_id}: a reply is still on its way to the log")
        logged = await self._log.history(rehearsed(job.dialogue_id))
        # The messages of the job itself may be in the log already as said; they are the question, not the history.
        turns = [
            (turn, turn_id)
            for turn, turn_id in zip(logged.dialogue.turns, logged.turn_ids, strict=True)
            if turn_id not in job.message_ids
        ][-HISTORY_TURNS:]
        is_written = await self._restore(
            self._keys.dialogue(job.dialogue_id),
            [
                job.dialogue_id,
                job.ticket,
                job.attempt,
                HISTORY_LIFETIME_S,
                *[encode_turn(turn, turn_id) for turn, turn_id in turns],
            ],
        )
        if not is_written:
            raise StaleJob(f"dialogue {job.dialogue_id}: attempt {job.attempt} of job {job.ticket} is out of date")
        return Dialogue(tuple(turn for turn, _ in turns))
