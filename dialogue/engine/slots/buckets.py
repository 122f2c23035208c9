"""The few shapes that a decoding step has on a GPU, so that each of them can be recorded once and replayed."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

# Every length costs a recording of its own, a tenth of a second. But all keys of a bucket are read, whether or not they
# count: with 256 dialogues of 600 tokens on an H100, reading 768 of each was 10.3 of a step's 12.1 ms.
_SHORT_KEYS = 128
_LONG_KEYS = 256
_LONG_FROM = 1024


@dataclass(frozen=True, slots=True)
class Bucket:
    """What is fixed in a recorded step.

    Args:
        rows: how many rows of the cache take part, from the first one on.
        width: how many tokens of each row are read.
        keys: how many tokens of each row are looked at.
        is_adapted: whether any row may have an adapter.
    """

    rows: int
    width: int
    keys: int
    is_adapted: bool

    @property
    def tokens(self) -> int:
        """How many tokens are read in all rows together."""
        return self.rows * self.width


class Buckets:
    """Rounds steps up to the few shapes there are.

    Args:
        slots: rows of the cache.
        row_tokens: tokens that a row holds at most.
    """

    def __init__(self, slots: int, row_tokens: int) -> None:
        self._slots = slots
        short = range(_SHORT_KEYS, _LONG_FROM, _SHORT_KEYS)
        long = range(_LONG_FROM, row_tokens, _LONG_KEYS)
        self._keys = [keys for keys in (*short, *long) if keys < row_tokens] + [row_tokens]

    def around(self, rows: int, width: int, keys: int, is_adapted: bool) -> Bucket:
        """Return the smallest bucket that holds a step, which is not larger than the cache."""
        return Bucket(
            rows=min(_power_of_two(rows), self._slots),
            width=_power_of_two(width),
            keys=self._keys[bisect_left(self._keys, keys)],
            is_adapted=is_adapted,
        )


def _power_of_two(number: int) -> int:
    """Return the smallest power of two that is no less than the number."""
    return 1 << (number - 1).bit_length()
