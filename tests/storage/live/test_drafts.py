"""Drafts: the latest one arrives, and word of a change."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

from redis.asyncio import Redis

from storage.live.drafts import Draft, RedisDrafts
from storage.live.keys import Keys


async def subscribed(redis: Redis, name: str) -> None:
    while dict(await redis.pubsub_numsub(name))[name] == 0:
        await asyncio.sleep(0.01)


async def test_of_drafts_in_quick_succession_the_last_arrives(redis: Redis, keys: Keys) -> None:
    drafts = RedisDrafts(redis, keys)
    async with drafts.flushing(), aclosing(drafts.listen("test")) as heard:  # type: ignore[type-var]
        first = asyncio.ensure_future(anext(heard))
        await subscribed(redis, keys.live("test"))

        for text in ("H", "He", "Hel"):
            drafts.publish("test", "7", 2, text)

        assert await first == Draft("7", "Hel", is_final=False, epoch=2)


async def test_word_of_a_change_takes_the_drafts_place(redis: Redis, keys: Keys) -> None:
    drafts = RedisDrafts(redis, keys)
    async with aclosing(drafts.listen("test")) as heard:  # type: ignore[type-var]
        first = asyncio.ensure_future(anext(heard))
        await subscribed(redis, keys.live("test"))
        drafts.publish("test", "7", 2, "not sent yet")

        await drafts.announce("test", "7")
        async with drafts.flushing():
            assert await first == Draft("7", "", is_final=True)
