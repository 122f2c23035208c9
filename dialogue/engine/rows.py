"""What the rows of the cache hold, so that nothing is read twice: a dialogue finds its row again, a seed is copied."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from dialogue.engine.request import Request


@dataclass
class Rows:
    """Remembers the last text of every row, also after it has ended."""

    _texts: dict[int, Request] = field(default_factory=dict)
    _order: list[int] = field(default_factory=list)  # Rows that were used, the least recently used first.

    def row_for(self, request: Request, free: Collection[int]) -> int:
        """Choose a free row for a new text, and keep of what is in it what the text begins with.

        The row whose whole prompt the text begins with is that of its dialogue. If there is none, the row goes that was
        not used for the longest time: what several dialogues share, such as the seed, can be copied from any of them.
        """
        shared = {row: _shared(text, request.tokens) for row, text in self._texts.items() if row in free}
        # All but the last token, which is read again in any case: a retry begins with the same prompt.
        own = {row: tokens for row, tokens in shared.items() if tokens >= self._texts[row].prompt_tokens - 1}
        if own:
            row = max(own, key=own.__getitem__)
        else:
            unused = sorted(set(free) - set(self._order))
            row = unused[0] if unused else next(row for row in self._order if row in free)
        request.reuse(shared.get(row, 0))
        self._texts[row] = request
        if row in self._order:
            self._order.remove(row)
        self._order.append(row)
        return row

    def donor_for(self, request: Request) -> tuple[int, int] | None:
        """Return a row that holds more of the text's beginning than its own row does, and how many tokens of it."""
        others = [(_shared(text, request.tokens), row) for row, text in self._texts.items() if text is not request]
        tokens, row = max(others, default=(0, 0))
        return (row, tokens) if tokens > request.read_tokens else None

    def clear(self) -> None:
        """Forget everything: the cache was thrown away."""
        self._texts.clear()
        self._order.clear()


def _shared(held: Request, tokens: Sequence[int]) -> int:
    """Return how many tokens at the beginning are the same and were read; the last one is always left to be read."""
    most = min(held.read_tokens, len(tokens) - 1)
    for index in range(most):
        if held.tokens[index] != tokens[index]:
            return index
    return max(0, most)
