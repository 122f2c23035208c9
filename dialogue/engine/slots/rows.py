"""What the rows of the cache hold, so that nothing is read twice: a dialogue finds its row again, a seed is copied."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from dialogue.engine.slots.request import Request


class Rows:
    """Remembers the last text of every row, also after it has ended.

    Args:
        count: how many rows there are.
    """

    def __init__(self, count: int) -> None:
        self._texts: list[Request | None] = [None] * count
        self._used: list[int] = [-1] * count  # When each row was taken last: the greatest number is the latest.
        self._time = 0

    def take(self, request: Request, free: Collection[int]) -> int:
        """Choose a free row for a new text, and keep of what is in it what the text begins with.

        The row whose whole prompt the text begins with is that of its dialogue. If there is none, the row goes that was
        not used for the longest time: what several dialogues share, such as the seed, can be copied from any of them.
        """
        shared = {row: self.shared(row, request) for row in free}
        # All but the last token, which is read again in any case: a retry begins with the same prompt.
        own = [row for row in free if 0 < self._prompt_tokens(row) - 1 <= shared[row]]
        row = max(own, key=shared.__getitem__) if own else min(free, key=lambda each: (self._used[each], each))
        request.reuse(shared[row])
        self._texts[row] = request
        self._time += 1
        self._used[row] = self._time
        return row

    def donor(self, request: Request) -> tuple[int, int]:
        """Return which other row holds most of the text's beginning, and how many tokens of it."""
        others = [(row, self.shared(row, request)) for row, text in enumerate(self._texts) if text is not request]
        return max(others, key=lambda each: each[1], default=(0, 0))

    def shared(self, row: int, request: Request) -> int:
        """Return how many tokens at the beginning of the text the row holds; the last is always left to be read."""
        held = self._texts[row]
        if held is None or held.adapter != request.adapter:
            return 0
        return common_beginning(held.tokens, request.tokens, min(held.read_tokens, len(request.tokens) - 1))

    def held_tokens(self, row: int) -> int:
        """Return how many tokens the row holds."""
        held = self._texts[row]
        return held.read_tokens if held else 0

    def swap(self, one: int, other: int) -> None:
        """Note that two rows have exchanged what they hold."""
        self._texts[one], self._texts[other] = self._texts[other], self._texts[one]
        self._used[one], self._used[other] = self._used[other], self._used[one]

    def clear(self, seated: Mapping[int, Request]) -> None:
        """Forget everything but who has which row: the cache was thrown away."""
        self._texts = [seated.get(row) for row in range(len(self._texts))]

    def forget(self, adapter: str) -> None:
        """Forget what was read with an adapter: another one may get its name."""
        self._texts = [None if text and text.adapter == adapter else text for text in self._texts]

    def _prompt_tokens(self, row: int) -> int:
        held = self._texts[row]
        return held.prompt_tokens if held else 0


def common_beginning(some: Sequence[int], others: Sequence[int], most: int) -> int:
    """Return how many tokens at the beginning are the same in both, at most `most`."""
    if some[:most] == others[:most]:
        return max(0, most)
    return next(index for index in range(most) if some[index] != others[index])
