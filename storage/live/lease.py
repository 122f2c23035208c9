"""A lease: of all processes that want to do something, one at a time may."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from redis.asyncio import Redis

from dialogue.errors import StorageUnavailable
from storage.live.keys import LEASE_LIFETIME_S, Keys
from storage.live.redis_connection import translated_errors

logger = logging.getLogger(__name__)

_RENEW_S = LEASE_LIFETIME_S / 4

_HOLD = """
local holder = redis.call('GET', KEYS[1])
if holder == false or holder == ARGV[1] then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
  return 1
end
return 0
"""
_RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"


class RedisLease:
    """One process's claim on a lease.

    A holder that cannot reach Redis goes on: nobody else can take the lease either. One that finds it taken is told.
    """

    def __init__(self, redis: Redis, keys: Keys, name: str) -> None:
        self._key = keys.lease(name)
        self._me = uuid.uuid4().hex
        self._hold = redis.register_script(_HOLD)
        self._release = redis.register_script(_RELEASE)

    @asynccontextmanager
    async def held(self) -> AsyncIterator[asyncio.Event]:
        """Wait until the lease is ours and keep it; yields an event that is set when somebody else has it."""
        while not await self._try_to_hold():  # noqa: ASYNC110 - another process lets go, no event tells
            await asyncio.sleep(_RENEW_S)
        lost = asyncio.Event()
        task = asyncio.create_task(self._keep(lost), name="lease")
        try:
            yield lost
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            with suppress(StorageUnavailable):
                async with translated_errors():
                    await self._release(keys=[self._key], args=[self._me])

    async def _keep(self, lost: asyncio.Event) -> None:
        while not lost.is_set():
            await asyncio.sleep(_RENEW_S)
            if await self._try_to_hold() is False:
                logger.warning("another process holds the lease %s now", self._key)
                lost.set()

    async def _try_to_hold(self) -> bool | None:
        """Say whether the lease is ours; None where Redis cannot tell."""
        try:
            async with translated_errors():
                return bool(await self._hold(keys=[self._key], args=[self._me, int(LEASE_LIFETIME_S * 1000)]))
        except StorageUnavailable as error:
            logger.debug("lease: %s", error)
            return None
