"""Keeps a text to a regular expression while it is written: of the likeliest words those that can still become one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import regex
import torch

from dialogue.engine.slots.sampling import likeliest

if TYPE_CHECKING:
    from torch import Tensor

# To try a word takes some twenty microseconds. Where none of the few fits, the model would rather write something else,
# and mostly only a bracket or a comma is right, which is among the many.
_TRIED = (64, 4096)


class Pattern:
    """What a text is to become.

    Args:
        expression: a regular expression that the whole text is to match.
    """

    def __init__(self, expression: str) -> None:
        self._expression = regex.compile(expression)

    def is_begun_by(self, text: str) -> bool:
        """Say whether the text, or something that begins with it, matches."""
        return self._expression.fullmatch(text, partial=True) is not None

    def is_matched_by(self, text: str) -> bool:
        """Say whether the text matches as it is."""
        return self._expression.fullmatch(text) is not None


def keep_to(logits: Tensor, fits: Callable[[int], bool]) -> None:
    """Forbid all words but those of the likeliest that fit, in place; nothing where none of them does.

    Args:
        logits: (words,), float32.
    """
    for many in _TRIED:
        words = likeliest(logits[None], min(many, len(logits)))[1][0]
        kept = words[torch.tensor([fits(word) for word in words.tolist()], device=words.device)]
        if len(kept):
            scores = logits[kept]
            logits.fill_(-torch.inf)
            logits[kept] = scores
            return
