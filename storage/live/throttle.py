"""Counts failures, so that nobody can guess passwords by trying."""

from __future__ import annotations

import hashlib

from redis.asyncio import Redis

from storage.live.keys import THROTTLE_LIFETIME_S, Keys
from storage.live.redis_connection import translated_errors


class RedisThrottle:
    """Tries of the last minutes that failed, or have not ended yet, by name; all processes count together."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis = redis
        self._keys = keys

    async def note_try(self, name: str) -> int:
        """Count one more; return how many there were lately, this one included.

        Before the try and not after it: of many at once each is counted before any of them can succeed. All are
        forgotten some minutes after the first.

        Raises:
            StorageUnavailable: Redis is out of reach.
        """
        return await self._add(name, 1)

    async def take_back(self, name: str) -> None:
        """Count one less: it did not fail.

        Raises:
            StorageUnavailable: Redis is out of reach.
        """
        await self._add(name, -1)

    async def clear(self, name: str) -> None:
        """Forget the failures.

        Raises:
            StorageUnavailable: Redis is out of reach.
        """
        async with translated_errors():
            await self._redis.delete(self._key(name))

    async def _add(self, name: str, number: int) -> int:
        key = self._key(name)
        async with translated_errors(), self._redis.pipeline(transaction=True) as pipe:
            pipe.incrby(key, number)
            pipe.expire(key, THROTTLE_LIFETIME_S, nx=True)
            return int((await pipe.execute())[0])

    def _key(self, name: str) -> str:
        # Names come from strangers: they are of any length, and Redis's own tools are to show them in peace.
        return self._keys.throttle(hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:32])
