"""Something in a text that identifies somebody."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a text.

    Args:
        kind: what its placeholder is called, such as `PHONE`.
        value: what it says, however it was written: two spans with the same one are the same thing.
    """

    start: int
    end: int
    kind: str
    value: str


def apart(spans: Iterable[Span]) -> list[Span]:
    """Return the spans in their order in the text; of those that overlap, the one that was given first."""
    taken: list[Span] = []
    for span in spans:
        if all(span.end <= other.start or other.end <= span.start for other in taken):
            taken.append(span)
    return sorted(taken, key=lambda span: span.start)
