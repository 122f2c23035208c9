"""Waits until Redis has forgotten everything that was asked aside."""

from __future__ import annotations

import asyncio

from redis.asyncio import Redis

from storage.live.keys import Keys


async def erased(redis: Redis, keys: Keys, channel: str) -> None:
    """Wait until Redis knows of no dialogue, no job and no reply."""
    async with asyncio.timeout(10):
        while await _left(redis, keys, channel):
            await asyncio.sleep(0.01)


async def _left(redis: Redis, keys: Keys, channel: str) -> list[str]:
    names = [name async for name in redis.scan_iter(match=f"{keys.prefix}*")]
    of_no_dialogue = (keys.jobs, keys.replies(""), keys.alive, keys.throttle(""))
    kept = [name for name in names if not name.startswith(of_no_dialogue)]
    return kept + [name for name in (keys.jobs, keys.replies(channel)) if await redis.xlen(name)]
