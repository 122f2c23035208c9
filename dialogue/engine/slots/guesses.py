"""Guesses how a text goes on from what stands in it already, so that one step can write several tokens."""

from __future__ import annotations

from collections.abc import Sequence

# Three tokens are a word or two. Longer ones that recur are found by their ends; a single one is right often enough in
# dialogues, where words of several tokens, names, tags and whole sentences come again.
_LONGEST = 3


class Guesses:
    """Remembers where each run of up to three tokens stood last, and what followed it.

    What it guesses is checked against the model's own draw, so that the text stays the same.

    Source: prompt lookup decoding (Saxena, 2023, https://github.com/apoorvumang/prompt-lookup-decoding).
    """

    def __init__(self) -> None:
        self._seen: dict[tuple[int, ...], int] = {}  # What follows each run's last appearance but the very last.
        self._known = 0

    def following(self, tokens: Sequence[int], most: int) -> list[int]:
        """Return up to `most` tokens that may follow; the tokens are those of the last call and further ones."""
        # The run at the very end is not noted yet: nothing has followed it.
        for end in range(self._known, len(tokens)):
            for length in range(1, min(_LONGEST, end) + 1):
                self._seen[tuple(tokens[end - length : end])] = end
        self._known = len(tokens)
        for length in range(min(_LONGEST, len(tokens)), 0, -1):
            place = self._seen.get(tuple(tokens[-length:]))
            if place is not None:
                return list(tokens[place : place + most])
        return []
