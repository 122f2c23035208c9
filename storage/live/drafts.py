"""What is only worth knowing now: drafts, and word that a dialogue has changed. Lost words cost nothing."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from redis.asyncio import Redis

from dialogue.errors import StorageUnavailable
from dialogue.ports import Interruption
from storage.live.keys import Keys
from storage.live.redis_connection import translated_errors
from storage.live.subscription import subscription

logger = logging.getLogger(__name__)

# As often as a person can follow; a draft that a later one replaces within that time is not sent.
_FLUSH_S = 0.1


@dataclass(frozen=True, slots=True)
class Draft:
    """What is being written in a dialogue, or word that the dialogue has changed.

    Args:
        text: the text so far; when `is_final`, the name of the outcome if the request got no reply.
        is_final: True once the dialogue's turns in SQL have changed and should be read again.
    """

    dialogue_id: str
    text: str
    is_final: bool
    epoch: int = 0


class RedisDrafts:
    """Publishes drafts to a channel's processes and listens to them."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis = redis
        self._keys = keys
        self._latest: dict[tuple[str, str], str] = {}

    @asynccontextmanager
    async def flushing(self) -> AsyncIterator[None]:
        """Send what `publish` was given, a few times a second."""
        task = asyncio.create_task(self._keep_flushing(), name="drafts")
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    def publish(self, channel: str, dialogue_id: str, epoch: int, text: str) -> None:
        """Show the text written so far; replaces what was not sent yet."""
        fields = {"v": 1, "dialogue": dialogue_id, "epoch": epoch, "text": text, "final": False}
        self._latest[channel, dialogue_id] = json.dumps(fields)

    async def announce(self, channel: str, dialogue_id: str, failure: str = "") -> None:
        """Tell every process of the channel that the dialogue's turns have changed.

        Args:
            failure: why the request got no reply, the name of an `Outcome`; empty where it did.

        Raises:
            StorageUnavailable: Redis is out of reach.
        """
        self._latest.pop((channel, dialogue_id), None)
        fields = {"v": 1, "dialogue": dialogue_id, "epoch": 0, "text": failure, "final": True}
        async with translated_errors():
            await self._redis.publish(self._keys.live(channel), json.dumps(fields))

    async def listen(self, channel: str) -> AsyncIterator[Draft]:
        """Yield the drafts of a channel for ever, through restarts of Redis."""
        async for data in subscription(self._redis, self._keys.live(channel)):
            fields = json.loads(data)
            yield Draft(str(fields["dialogue"]), fields["text"], fields["final"], fields["epoch"])

    async def interruptions(self) -> AsyncIterator[Interruption]:
        """Yield the interruptions of dialogues, through whatever channel they came, for ever."""
        async for data in subscription(self._redis, self._keys.interruptions):
            fields = json.loads(data)
            yield Interruption(str(fields["dialogue"]), int(fields["epoch"]))

    async def _keep_flushing(self) -> None:
        while True:
            await asyncio.sleep(_FLUSH_S)
            if not self._latest:
                continue
            latest, self._latest = self._latest, {}
            try:
                async with translated_errors(), self._redis.pipeline(transaction=False) as pipe:
                    for (channel, _), data in latest.items():
                        pipe.publish(self._keys.live(channel), data)
                    await pipe.execute()
            except StorageUnavailable as error:
                logger.debug("drafts dropped: %s", error)
