"""How long the rows are: in characters of JSON, and in tokens where a model is named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

# What trainers make tokens of, whatever the format; all else in a row is roles, labels and where it comes from.
_TEXTS = frozenset(
    {
        "text",
        "prompt",
        "completion",
        "chosen",
        "rejected",
        "instruction",
        "input",
        "output",
        "system",
        "history",
        "messages",
        "content",
        "conversations",
        "value",
        "segments",
        "question",
        "answer",
        "preferred_output",
        "non_preferred_output",
    }
)


@dataclass(frozen=True, slots=True)
class Ruler:
    """Counts tokens as a model does.

    Args:
        model: its name; `count` takes a text.
    """

    model: str
    count: Callable[[str], int]


@dataclass(slots=True)
class Lengths:
    """The lengths of all rows together, in memory that does not grow with their number."""

    ruler: Ruler | None = None
    _characters: int = 0
    _longest: int = 0
    _tokens: Counter[int] = field(default_factory=Counter)

    def add(self, row: dict[str, Any], characters: int) -> None:
        """Count a row of so many characters of JSON."""
        self._characters += characters
        self._longest = max(self._longest, characters)
        if self.ruler:
            self._tokens[sum(map(self.ruler.count, texts_of(row)))] += 1

    def facts(self) -> dict[str, Any]:
        """Return what the manifest says."""
        facts: dict[str, Any] = {
            "unit": "characters of JSON",
            "all": self._characters,
            "longest_row": self._longest,
        }
        if self.ruler:
            tokens = {"model": self.ruler.model, "all": sum(length * many for length, many in self._tokens.items())}
            facts["tokens"] = tokens | {name: self._below(share) for name, share in _SHARES.items()}
        return facts

    def _below(self, share: float) -> int:
        """Return the tokens that so many of the rows do not exceed."""
        left = share * self._tokens.total()
        for length, many in sorted(self._tokens.items()):
            left -= many
            if left <= 0:
                return length
        return 0


_SHARES = {"median_row": 0.5, "row_of_95_percent": 0.95, "longest_row": 1.0}


def texts_of(row: object) -> Iterator[str]:
    """Yield the texts of a row that a trainer makes tokens of."""
    if isinstance(row, str):
        yield row
    elif isinstance(row, dict):
        for name, value in row.items():
            if name in _TEXTS:
                yield from texts_of(value)
    elif isinstance(row, list | tuple):
        for value in row:
            yield from texts_of(value)
