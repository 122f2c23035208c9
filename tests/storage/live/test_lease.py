"""The lease: one holder at a time, a spare takes over."""

from __future__ import annotations

import asyncio

from redis.asyncio import Redis

from storage.live.keys import Keys
from storage.live.lease import RedisLease


async def test_a_second_process_waits_until_the_first_lets_go(redis: Redis, keys: Keys) -> None:
    order: list[str] = []

    async def hold(name: str, until: asyncio.Event) -> None:
        async with RedisLease(redis, keys, "bot").held():
            order.append(f"{name} begins")
            await until.wait()
            order.append(f"{name} ends")

    first_may_end, second_may_end = asyncio.Event(), asyncio.Event()
    first = asyncio.create_task(hold("first", first_may_end))
    while not order:
        await asyncio.sleep(0.01)
    second = asyncio.create_task(hold("second", second_may_end))
    await asyncio.sleep(0.05)
    held_by_one = list(order)
    first_may_end.set()
    second_may_end.set()
    await asyncio.gather(first, second)

    assert held_by_one == ["first begins"]
    assert order == ["first begins", "first ends", "second begins", "second ends"]


async def test_a_holder_whose_lease_was_taken_is_told(redis: Redis, keys: Keys) -> None:
    async with RedisLease(redis, keys, "bot").held() as lost:
        await redis.set(keys.lease("bot"), "somebody else")

        await asyncio.wait_for(lost.wait(), timeout=10)

    assert await redis.get(keys.lease("bot")) == "somebody else"
