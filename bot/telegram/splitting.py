"""Long texts in parts that Telegram takes, without the loss of a character."""

from __future__ import annotations

import re
from collections.abc import Iterator

import regex

LIMIT_UNITS = 4096
"""The longest message, in UTF-16 code units. Source: https://core.telegram.org/bots/api#sendmessage"""

# From the best place to end a part to the worst; what separates stays at the end of the part.
_BOUNDARIES = [
    re.compile(r"\n\s*\n"),
    re.compile(r"\n"),
    re.compile(r"[.!?…]+[\"»”’)\]]*\s+"),
    re.compile(r"\s+"),
]
_GRAPHEME = regex.compile(r"\X")
# Enough of what follows a part to see whether its last grapheme cluster goes on.
_LOOKAHEAD = 64


def split(text: str, limit: int = LIMIT_UNITS) -> list[str]:
    """Cut a text into parts of at most `limit` UTF-16 units; joined, they are the text again.

    Parts end at paragraphs, lines, sentences or words where the text has them, never inside a surrogate pair, and never
    inside a grapheme cluster (an emoji with its skin tone, a letter with its accents) unless that alone is too long.

    Args:
        text: well-formed, see `well_formed`.
    """
    return list(_parts(text, limit))


def units(text: str) -> int:
    """Return the length of a text in UTF-16 code units, as Telegram counts."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def well_formed(text: str) -> str:
    """Return the text as UTF-8 can carry it: halves of a surrogate pair become one character, lone ones U+FFFD."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _parts(text: str, limit: int) -> Iterator[str]:
    while units(text) > limit:
        end = _best_end(text[: _fitting(text, limit)], text)
        yield text[:end]
        text = text[end:]
    if text:
        yield text


def _fitting(text: str, limit: int) -> int:
    """Return how many code points of the text fit into `limit` units."""
    length = 0
    for index, character in enumerate(text):
        length += 2 if character > "\uffff" else 1
        if length > limit:
            return index
    return len(text)


def _best_end(window: str, text: str) -> int:
    allowed = _grapheme_ends(window, text)
    for boundary in _BOUNDARIES:
        ends = [match.end() for match in boundary.finditer(window, len(window) // 2)]
        end = max((end for end in ends if end in allowed), default=0)
        if end:
            return end
    return max(allowed)


def _grapheme_ends(window: str, text: str) -> set[int]:
    """Return where the window may be cut; `text` goes on behind it, so that its last cluster is seen whole."""
    ends = {match.end() for match in _GRAPHEME.finditer(text[: len(window) + _LOOKAHEAD])}
    return {end for end in ends if end <= len(window)} or {len(window)}
