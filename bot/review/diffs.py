"""How a corrected text differs from what was said, word by word."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import takewhile

_TOKEN = re.compile(r"\w+|\s+|[^\w\s]")

# Of texts that have less than that in common, a mosaic of both is harder to read than one after the other.
_LEAST_ALIKE = 0.5

# Words of one text times words of the other, where they differ: comparing takes a time in proportion, here 0.1 s.
_MOST_COMPARED = 1_000_000


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text: `same` in both, only in the old one (`removed`), or only in the new one (`added`)."""

    kind: str
    text: str


def differences(old: str, new: str) -> tuple[Piece, ...]:
    """Return both texts in one, in pieces, none of them empty."""
    before, after = _TOKEN.findall(old), _TOKEN.findall(new)
    start = _length_in_common(before, after)
    end = _length_in_common(before[start:][::-1], after[start:][::-1])
    middle = before[start : len(before) - end], after[start : len(after) - end]
    if len(middle[0]) * len(middle[1]) > _MOST_COMPARED:
        return _without_empty([Piece("removed", old), Piece("added", new)])
    matcher = SequenceMatcher(None, *middle, autojunk=False)
    in_common = start + end + sum(block.size for block in matcher.get_matching_blocks())
    if 2 * in_common < _LEAST_ALIKE * (len(before) + len(after)):
        return _without_empty([Piece("removed", old), Piece("added", new)])
    head, tail = "".join(before[:start]), "".join(before[len(before) - end :])
    return _without_empty([Piece("same", head), *_pieces(matcher, *middle), Piece("same", tail)])


def _pieces(matcher: SequenceMatcher[str], before: Sequence[str], after: Sequence[str]) -> Iterator[Piece]:
    for kind, i1, i2, j1, j2 in matcher.get_opcodes():
        if kind == "equal":
            yield Piece("same", "".join(before[i1:i2]))
        else:
            yield Piece("removed", "".join(before[i1:i2]))
            yield Piece("added", "".join(after[j1:j2]))


def _length_in_common(one: Sequence[str], other: Sequence[str]) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _without_empty(pieces: Sequence[Piece]) -> tuple[Piece, ...]:
    return tuple(piece for piece in pieces if piece.text)
