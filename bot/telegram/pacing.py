"""When the next message may go out, so that Telegram's limits are kept and one chat's pause delays no other chat."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

# So many idle chats are remembered before those whose buckets are full again are dropped.
_MAX_IDLE_CHATS = 1000


@dataclass(frozen=True, slots=True)
class Rate:
    """So many messages at once, and so many a second in the long run."""

    burst: float
    per_s: float


@dataclass(frozen=True, slots=True)
class Limits:
    """How fast messages may go out.

    Telegram allows 30 messages a second overall, and a group 20 in a minute; burst and rate together stay below both in
    every such span. A chat should get no more than one a second, "short bursts" aside.
    Source: https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this
    """

    chat: Rate = Rate(burst=3, per_s=1.0)
    group: Rate = Rate(burst=5, per_s=15 / 60)
    overall: Rate = Rate(burst=5, per_s=25.0)


class Bucket:
    """A token bucket."""

    def __init__(self, rate: Rate, now: float) -> None:
        self._rate = rate
        self._level = rate.burst
        self._at = now

    def seconds_until_free(self, now: float) -> float:
        """Return how long the next message has to wait."""
        missing = 1.0 - self._level_at(now)
        # A hair is rounding, and would make the caller wait for nothing again and again.
        return missing / self._rate.per_s if missing > 1e-6 else 0.0

    def has(self, count: int, now: float) -> bool:
        """Say whether so many messages need not wait."""
        return self._level_at(now) >= count

    def is_full(self, now: float) -> bool:
        """Say whether nothing was taken for so long that it need not be remembered."""
        return self._level_at(now) >= self._rate.burst

    def take(self, now: float) -> None:
        """Count a message."""
        self._level = self._level_at(now) - 1.0
        self._at = now

    def close_until(self, then: float) -> None:
        """Let nothing through before `then`, and one message at a time from then on."""
        self._level, self._at = 1.0, then

    def _level_at(self, now: float) -> float:
        # Before a pause has ended, `now - at` is negative and the level below what it will be.
        return min(self._rate.burst, self._level + (now - self._at) * self._rate.per_s)


class Pacing:
    """Says when each message may go out: within a chat one after the other, between chats first come, first served."""

    def __init__(
        self,
        limits: Limits | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._limits = limits or Limits()
        self._clock, self._sleep = clock, sleep
        self._overall = Bucket(self._limits.overall, clock())
        self._chats: dict[int, list[Bucket]] = {}
        self._turnstile = asyncio.Lock()

    async def wait(self, chat_id: int, is_group: bool) -> None:
        """Wait until a message may go to the chat, and count it; one caller per chat at a time."""
        buckets = self._buckets(chat_id, is_group)
        await self._until_free(buckets)
        async with self._turnstile:
            await self._until_free([self._overall])
            for bucket in (*buckets, self._overall):
                bucket.take(self._clock())

    def is_free(self, chat_id: int, is_group: bool, besides: int = 0) -> bool:
        """Say whether a message to the chat need not wait, though so many to other chats are about to go as well."""
        now = self._clock()
        chat_is_free = all(bucket.has(1, now) for bucket in self._buckets(chat_id, is_group))
        return chat_is_free and self._overall.has(1 + besides, now)

    def pause(self, chat_id: int, seconds: float, is_group: bool = False) -> None:
        """Send nothing to the chat for so long."""
        self._buckets(chat_id, is_group)[0].close_until(self._clock() + seconds)

    async def _until_free(self, buckets: list[Bucket]) -> None:
        while wait_s := max(bucket.seconds_until_free(self._clock()) for bucket in buckets):
            await self._sleep(wait_s)

    def _buckets(self, chat_id: int, is_group: bool) -> list[Bucket]:
        if chat_id not in self._chats:
            self._drop_idle()
            rates = [self._limits.chat, self._limits.group] if is_group else [self._limits.chat]
            self._chats[chat_id] = [Bucket(rate, self._clock()) for rate in rates]
        return self._chats[chat_id]

    def _drop_idle(self) -> None:
        if len(self._chats) < _MAX_IDLE_CHATS or len(self._chats) % 100:
            return
        now = self._clock()
        self._chats = {
            chat_id: buckets
            for chat_id, buckets in self._chats.items()
            if not all(bucket.is_full(now) for bucket in buckets)
        }
