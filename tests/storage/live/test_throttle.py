"""Tries that are counted, on a real valkey."""

from __future__ import annotations

import asyncio

from redis.asyncio import Redis

from storage.live.keys import THROTTLE_LIFETIME_S, Keys
from storage.live.throttle import RedisThrottle


async def test_tries_are_counted_by_name(redis: Redis, keys: Keys) -> None:
    throttle = RedisThrottle(redis, keys)

    counts = [await throttle.note_try(name) for name in ("Olga", "Olga", "Max", "Olga")]

    assert counts == [1, 2, 1, 3]


async def test_of_many_at_once_each_has_a_number_of_its_own(redis: Redis, keys: Keys) -> None:
    processes = [RedisThrottle(redis, keys) for _ in range(2)]

    counts = await asyncio.gather(*(processes[number % 2].note_try("Olga") for number in range(20)))

    assert sorted(counts) == list(range(1, 21))


async def test_a_try_that_did_not_fail_counts_no_more(redis: Redis, keys: Keys) -> None:
    throttle = RedisThrottle(redis, keys)
    await throttle.note_try("Olga")
    await throttle.note_try("Olga")

    await throttle.take_back("Olga")

    assert await throttle.note_try("Olga") == 2


async def test_all_are_forgotten_when_somebody_succeeds(redis: Redis, keys: Keys) -> None:
    throttle = RedisThrottle(redis, keys)
    await throttle.note_try("Olga")

    await throttle.clear("Olga")

    assert await throttle.note_try("Olga") == 1


async def test_the_lifetime_begins_with_the_first_try_and_is_not_prolonged(redis: Redis, keys: Keys) -> None:
    throttle = RedisThrottle(redis, keys)
    await throttle.note_try("Olga")
    (key,) = await redis.keys(f"{keys.prefix}*")
    begun = await redis.ttl(key)
    await redis.expire(key, 100)

    await throttle.note_try("Olga")
    await throttle.take_back("Olga")

    assert 0 < begun <= THROTTLE_LIFETIME_S
    assert await redis.ttl(key) <= 100


async def test_what_is_taken_back_too_late_does_not_stay_for_ever(redis: Redis, keys: Keys) -> None:
    throttle = RedisThrottle(redis, keys)

    await throttle.take_back("Olga")

    (key,) = await redis.keys(f"{keys.prefix}*")
    assert 0 < await redis.ttl(key) <= THROTTLE_LIFETIME_S


async def test_a_name_of_any_length_and_kind_is_a_short_key_that_does_not_show_it(redis: Redis, keys: Keys) -> None:
    throttle = RedisThrottle(redis, keys)

    for name in ("x" * 100_000, "\0\r\n*", "\ud800", "Ольга"):
        assert await throttle.note_try(name) == 1

    shown = [key if isinstance(key, str) else key.decode() for key in await redis.keys(f"{keys.prefix}*")]
    assert len(shown) == 4
    assert all(len(key.removeprefix(keys.prefix)) <= 50 and key.isprintable() for key in shown)
