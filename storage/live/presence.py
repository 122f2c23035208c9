"""Who is there: the processes that have a heartbeat, and how much work waits for them."""

from __future__ import annotations

import os
import socket
import uuid
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from storage.live.keys import WORKERS, Keys
from storage.live.redis_connection import translated_errors


def process_name(kind: str) -> str:
    """Return a name that no other process has or will have: `worker-HOST-PID-RANDOM`."""
    return f"{kind}-{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many jobs nobody has taken yet, and how many are being worked on."""

    waiting: int
    in_hand: int


class Presence:
    """Reads who lives and what waits."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis = redis
        self._keys = keys

    async def living(self, kind: str) -> list[str]:
        """Return the names of the living processes of a kind.

        Raises:
            StorageUnavailable: Redis is out of reach.
        """
        async with translated_errors():
            pattern = _escaped(self._keys.alive) + kind + "-*"
            return [name.removeprefix(self._keys.alive) async for name in self._redis.scan_iter(pattern, count=1000)]

    async def backlog(self) -> Backlog:
        """Count the jobs.

        Raises:
            StorageUnavailable: Redis is out of reach.
        """
        async with translated_errors():
            length: int = await self._redis.xlen(self._keys.jobs)
            try:
                groups: list[dict[str, Any]] = await self._redis.xinfo_groups(self._keys.jobs)
            except ResponseError:  # no stream yet: nobody has ever said anything
                return Backlog(length, 0)
            in_hand = sum(int(group["pending"]) for group in groups if group["name"] == WORKERS)
            return Backlog(length - in_hand, in_hand)

    async def ping(self) -> None:
        """Check that Redis answers.

        Raises:
            StorageUnavailable: Redis is out of reach.
        """
        async with translated_errors():
            await self._redis.ping()


def _escaped(text: str) -> str:
    return "".join(f"\\{char}" if char in "*?[]\\" else char for char in text)
