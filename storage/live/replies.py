"""Replies on their way from the workers to the processes that record and deliver them."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

from redis.asyncio import Redis

from storage.live.consumer_group import ConsumerGroup
from storage.live.keys import RECORDERS, Keys
from storage.live.redis_connection import DialogueScript, translated_errors
from storage.live.subscription import subscription
from storage.live.wire import UnreadableRecord, decode_finished, encode_finished
from storage.records import Finished

logger = logging.getLogger(__name__)

_CLAIM_WAIT_S = 0.5


class RedisReplies:
    """One recorder's end of a channel's stream of replies."""

    def __init__(self, redis: Redis, keys: Keys, channel: str, recorder: str) -> None:
        self.channel = channel
        self._redis = redis
        self._recorded = DialogueScript(redis, "recorded")
        self._keys = keys
        # What a recorder left behind must not wait: the next reply of the same dialogue would be recorded before it.
        # Two recorders of one reply do no harm, the log knows it by its id.
        self._group = ConsumerGroup(redis, keys, keys.replies(channel), RECORDERS, recorder, least_idle_s=0.0)

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """Keep the heartbeat going, so that nobody takes this recorder's replies."""
        async with self._group.beating():
            yield

    async def claim(self, limit: int) -> list[Finished]:
        """Wait a moment for replies; those of a dead recorder come first.

        Raises:
            StorageUnavailable: Redis is out of reach.
        """
        entries = await self._group.abandoned(limit) or await self._group.new(limit, _CLAIM_WAIT_S)
        claimed = []
        for ticket, fields in entries:
            try:
                claimed.append(decode_finished(fields.get("reply", ""), ticket))
            except (UnreadableRecord, KeyError, TypeError, ValueError) as error:
                # The messages it answers still wait in SQL: the reconciler queues them again.
                logger.error("reply %s dropped: %r", ticket, error)
                dialogue_id = fields.get("dialogue", "")
                async with translated_errors():
                    await self._redis.delete(self._keys.answered(dialogue_id))
                await self._take_out([(dialogue_id, ticket)])
        return claimed

    async def acknowledge(self, finished: Sequence[Finished]) -> bool:
        """Take recorded replies out of the stream for good; False where Redis had lost some of them.

        Raises:
            StorageUnavailable: Redis is out of reach; they may be claimed, and recognised, again.
        """
        return await self._take_out([(each.dialogue_id, each.ticket) for each in finished])

    async def pass_on(self, finished: Finished) -> None:
        """Let every process of the channel hear a reply that one of them may wait for.

        Raises:
            StorageUnavailable: Redis is out of reach.
        """
        async with translated_errors():
            await self._redis.publish(self._keys.passed_on(self.channel), encode_finished(finished))

    async def passed_on(self) -> AsyncIterator[Finished]:
        """Yield what any process of the channel passes on, for ever."""
        async for data in subscription(self._redis, self._keys.passed_on(self.channel)):
            with suppress(UnreadableRecord):  # From another version, at whose end its process waits in vain.
                yield decode_finished(data, ticket="")

    async def _take_out(self, recorded: Sequence[tuple[str, str]]) -> bool:
        # First of all, since what then stays in the stream must be read again.
        for _, ticket in recorded:
            self._group.release(ticket)
        were_there = await self._recorded.for_each(
            [
                ([*self._keys.dialogue(dialogue_id), self._group.stream], [dialogue_id, self._group.group, ticket])
                for dialogue_id, ticket in recorded
            ]
        )
        return all(were_there)
