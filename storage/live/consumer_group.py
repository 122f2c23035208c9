"""A process's membership in a consumer group: reading, heartbeat, and taking over from those that died."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from importlib import resources
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from dialogue.errors import StorageUnavailable
from storage.live.keys import ALIVE_LIFETIME_S, HEARTBEAT_S, Keys
from storage.live.redis_connection import translated_errors

logger = logging.getLogger(__name__)

Entry = tuple[str, dict[str, str]]
"""An entry of a stream: its id and its fields."""

# Search for the dead as often as that: with ALIVE_LIFETIME_S, a job waits less than 5 s for its new worker.
_SEARCH_S = 1.0


class ConsumerGroup:
    """One process's membership in a consumer group of a stream.

    Args:
        consumer: the process's own name, never used by another.
        least_idle_s: how long an entry is left to a consumer that has no heartbeat, since that may be back soon.
    """

    def __init__(
        self, redis: Redis, keys: Keys, stream: str, group: str, consumer: str, least_idle_s: float = ALIVE_LIFETIME_S
    ) -> None:
        self.stream = stream
        self.group = group
        self._redis = redis
        self._keys = keys
        self._consumer = consumer
        self._least_idle_s = least_idle_s
        self._abandoned = redis.register_script(
            (resources.files("storage.live") / "scripts" / "abandoned.lua").read_text("utf-8")
        )
        self._searched_at = 0.0
        self._held: set[str] = set()
        self._may_have_swallowed = False

    @asynccontextmanager
    async def beating(self) -> AsyncIterator[None]:
        """Keep the heartbeat going; at the end stop it, so that others take over at once."""
        await self._beat()
        task = asyncio.create_task(self._keep_beating(), name=f"heartbeat of {self._consumer}")
        try:
            yield
        finally:
            ending = asyncio.create_task(self._end_beating(task))
            try:
                await asyncio.shield(ending)
            except asyncio.CancelledError:
                # Told to stop twice, as when a lease is lost at the same time: it ends all the same.
                await ending
                raise

    async def abandoned(self, limit: int) -> list[Entry]:
        """Take over entries of consumers without a heartbeat; looks at most once a second.

        Raises:
            StorageUnavailable: Redis is out of reach.
        """
        now = asyncio.get_running_loop().time()
        if now - self._searched_at < _SEARCH_S:
            return []
        self._searched_at = now
        # An answer may have been lost on the way without an error here: the client then simply asks again.
        self._may_have_swallowed = True
        async with translated_errors():
            entries: list[Any] = await self._reading(
                self._abandoned(
                    keys=[self.stream],
                    args=[self.group, self._consumer, self._keys.alive, int(self._least_idle_s * 1000), limit],
                )
            )
        return self._held_from_now([(ticket, dict(zip(it[::2], it[1::2], strict=True))) for ticket, it in entries])

    async def new(self, limit: int, wait_s: float) -> list[Entry]:
        """Read entries that nobody has read, waiting up to `wait_s` for the first.

        Entries of our own that a broken connection swallowed come first.

        Raises:
            StorageUnavailable: Redis is out of reach.
        """
        try:
            entries = await self._swallowed(limit) if self._may_have_swallowed else []
            return self._held_from_now(entries or await self._read(">", limit, wait_s))
        except StorageUnavailable:
            # Redis may have handed out entries that never arrived here.
            self._may_have_swallowed = True
            raise

    def release(self, ticket: str) -> None:
        """Say that an entry is not being worked on here any more."""
        self._held.discard(ticket)

    def drop(self, ticket: str) -> None:
        """Say that work on an entry could not begin: it will be read again."""
        self._held.discard(ticket)
        self._may_have_swallowed = True

    async def _swallowed(self, limit: int) -> list[Entry]:
        read = await self._read("0", limit + len(self._held), 0)
        swallowed = [(ticket, fields) for ticket, fields in read if ticket not in self._held]
        self._may_have_swallowed = len(swallowed) > limit
        return swallowed[:limit]

    async def _read(self, start: str, limit: int, wait_s: float) -> list[Entry]:
        block = max(1, int(wait_s * 1000))  # 0 would wait for ever
        async with translated_errors():
            answer: Any = await self._reading(
                self._redis.xreadgroup(self.group, self._consumer, {self.stream: start}, count=limit, block=block)
            )
        return _entries_of(answer)

    def _held_from_now(self, entries: list[Entry]) -> list[Entry]:
        self._held.update(ticket for ticket, _ in entries)
        return entries

    async def _reading(self, command: Any) -> Any:
        """Run a command on the group; make the group, from the stream's start, if Redis has lost it."""
        try:
            return await command
        except ResponseError as error:
            if "NOGROUP" not in str(error):
                raise
        with suppress(ResponseError):  # another process made it in the meantime
            await self._redis.xgroup_create(self.stream, self.group, id="0", mkstream=True)
        return []

    async def _beat(self) -> None:
        async with translated_errors():
            await self._redis.set(self._keys.alive + self._consumer, "1", px=int(ALIVE_LIFETIME_S * 1000))

    async def _end_beating(self, beating: asyncio.Task[None]) -> None:
        beating.cancel()
        with suppress(asyncio.CancelledError):
            await beating
        with suppress(StorageUnavailable):
            async with translated_errors():
                await self._redis.delete(self._keys.alive + self._consumer)

    async def _keep_beating(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            try:
                await self._beat()
            except StorageUnavailable as error:
                logger.warning("no heartbeat: %s", error)


def _entries_of(answer: Any) -> list[Entry]:
    # RESP2 answers [[stream, entries]], RESP3 {stream: [entries]}.
    if not answer:
        return []
    if isinstance(answer, dict):
        return [entry for batches in answer.values() for batch in batches for entry in batch]
    return [entry for _, entries in answer for entry in entries]
