"""Telegram's limits on how fast a bot may send."""

from __future__ import annotations


class FloodLimits:
    """30 messages a second overall, 20 a minute to a group, one a second to a chat; short bursts are let through."""

    def __init__(self) -> None:
        self._buckets: dict[object, Bucket] = {}

    def seconds_until_allowed(self, chat_id: int, now: float) -> float:
        """Count a message to the chat and return 0, or return how long the bot has to wait."""
        buckets = [self._bucket("all", 30, 30, now), self._bucket(chat_id, 5, 1, now)]
        if chat_id < 0:
            buckets.append(self._bucket((chat_id, "group"), 20, 20 / 60, now))
        wait_s = max(bucket.seconds_until_allowed(now) for bucket in buckets)
        if wait_s == 0:
            for bucket in buckets:
                bucket.take()
        return wait_s

    def _bucket(self, key: object, capacity: float, per_s: float, now: float) -> Bucket:
        return self._buckets.setdefault(key, Bucket(capacity, per_s, now))


class Bucket:
    """Allows `capacity` calls at once, and `per_s` in the long run."""

    def __init__(self, capacity: float, per_s: float, now: float) -> None:
        self._capacity, self._per_s = capacity, per_s
        self._level, self._at = capacity, now

    def seconds_until_allowed(self, now: float) -> float:
        self._level = min(self._capacity, self._level + (now - self._at) * self._per_s)
        self._at = now
        return max(0.0, (1.0 - self._level) / self._per_s)

    def take(self) -> None:
        self._level -= 1.0
