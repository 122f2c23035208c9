"""Opening Redis, calling its scripts, and turning its errors into ours."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from importlib import resources
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, NoScriptError, RedisError

from dialogue.errors import SettingsError, StorageUnavailable

Connection = Redis
"""A pool of connections to one server, as `redis_connection` opens it."""

Argument = str | int | float

# Longer than the longest blocking read (one second), short enough to notice a dead server.
_TIMEOUT_S = 5.0


@asynccontextmanager
async def redis_connection(url: str) -> AsyncIterator[Redis]:
    """Open a pool of connections (`redis://…`, `rediss://…` or `unix://…`), close it at the end.

    Raises:
        SettingsError: the server would drop data that is not answered yet, or refuses us.
        StorageUnavailable: the server is out of reach.
    """
    # One immediate second try, on a fresh connection: a server that was restarted closes the old ones.
    redis = Redis.from_url(
        url,
        decode_responses=True,
        # The library would time out with asyncio.wait_for, which up to Python 3.11 can swallow a cancellation.
        socket_timeout=None,
        socket_connect_timeout=_TIMEOUT_S,
        retry=Retry(NoBackoff(), 1),
    )
    try:
        await refuse_eviction(redis)
        yield redis
    finally:
        await redis.aclose()


async def refuse_eviction(redis: Redis) -> None:
    """Refuse a server that throws keys away when its memory is full.

    Raises:
        SettingsError: `maxmemory-policy` evicts.
        StorageUnavailable: the server is out of reach.
    """
    async with translated_errors():
        info: dict[str, Any] = await redis.info("memory")
    policy = info.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        raise SettingsError(
            f"Redis has maxmemory-policy {policy}: it would throw away messages that wait for an answer; "
            "set it with: redis-cli CONFIG SET maxmemory-policy noeviction"
        )


@asynccontextmanager
async def translated_errors() -> AsyncIterator[None]:
    """Raise our errors for those of redis-py, and for a server that does not answer in time."""
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            yield
    except AuthenticationError as error:
        raise SettingsError(f"Redis refuses the password of GOVORUN_REDIS_URL: {error}") from error
    except TimeoutError as error:
        raise StorageUnavailable(f"Redis: no answer within {_TIMEOUT_S:.0f} s") from error
    except (RedisError, OSError) as error:
        raise StorageUnavailable(f"Redis: {error}") from error


class DialogueScript:
    """A script on one dialogue's keys, atomic like every script of Redis.

    Args:
        name: the file `storage/live/scripts/NAME.lua`; `shared.lua` is put in front of it.
    """

    def __init__(self, redis: Redis, name: str) -> None:
        scripts = resources.files("storage.live") / "scripts"
        text = (scripts / "shared.lua").read_text("utf-8") + (scripts / f"{name}.lua").read_text("utf-8")
        self._redis = redis
        self._script = redis.register_script(text)

    async def __call__(self, keys: Sequence[str], args: Sequence[Argument]) -> Any:
        """Run the script.

        Raises:
            StorageUnavailable: Redis is out of reach, or full.
        """
        async with translated_errors():
            return await self._script(keys=keys, args=args)

    async def for_each(self, calls: Sequence[tuple[Sequence[str], Sequence[Argument]]]) -> list[Any]:
        """Run the script for several dialogues in one round trip; it may run twice for some of them.

        Args:
            calls: the keys and the arguments of each.

        Raises:
            StorageUnavailable: Redis is out of reach, or full; it may have run for some of them.
        """
        async with translated_errors():
            try:
                return await self._run_each(calls)
            except NoScriptError:  # A server that was started anew.
                await self._redis.script_load(self._script.script)
                return await self._run_each(calls)

    async def _run_each(self, calls: Sequence[tuple[Sequence[str], Sequence[Argument]]]) -> list[Any]:
        async with self._redis.pipeline(transaction=False) as pipe:
            for keys, args in calls:
                pipe.evalsha(self._script.sha, len(keys), *keys, *args)
            return await pipe.execute()
