"""Listening to a pub/sub channel of Redis for ever, through its restarts."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

from redis.asyncio import Redis

from dialogue.errors import StorageUnavailable
from storage.live.redis_connection import translated_errors

logger = logging.getLogger(__name__)

_RECONNECT_S = 0.5


async def subscription(redis: Redis, name: str) -> AsyncIterator[str]:
    """Yield the raw messages of a pub/sub channel; what is said while Redis is away is missed."""
    while True:
        try:
            async with redis.pubsub(ignore_subscribe_messages=True) as pubsub:
                async with translated_errors():
                    await pubsub.subscribe(name)
                while True:
                    async with translated_errors():
                        message = await pubsub.get_message(timeout=1.0)
                    if message is not None:
                        yield message["data"]
        except StorageUnavailable as error:
            logger.debug("%s: %s", name, error)
            await asyncio.sleep(_RECONNECT_S)
