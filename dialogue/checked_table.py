"""A table of a TOML file that somebody wrote by hand: hands out checked values and collects what is wrong with them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from typing import Any


class CheckedTable:
    """Hands out the values of a table by key; notes one that will not do and puts a harmless one in its place.

    Args:
        values: the table as `tomllib` read it.
        path: what stands before the keys of this table: nothing, or for instance `sampling.`.
    """

    def __init__(self, values: dict[str, Any], path: str = "") -> None:
        self._values = values
        self._path = path
        self._known: list[str] = []
        self._tables: list[CheckedTable] = []
        self._refused: list[str] = []

    def refuse(self, key: str, reason: str) -> None:
        """Note that a value will not do."""
        self._refused.append(f"{self._path}{key}: {reason}")

    def problems(self) -> list[str]:
        """Return what is wrong with this table and those in it: `KEY: reason` for each mistake and unknown key."""
        known = list(self._known_paths())
        return [problem for table in self._with_inner() for problem in [*table._refused, *table._unknown(known)]]

    def text(self, key: str, max_chars: int, default: str | None = None) -> str:
        """Take a text, without the white space around it; it must be there and not empty, unless the default is."""
        value = self._take(key, default)
        if value is None:
            return ""
        if not isinstance(value, str):
            self.refuse(key, f"must be text in quotation marks, not {value!r}")
            return ""
        text = value.strip()
        if not text and default != "":
            self.refuse(key, "must not be empty")
        if len(text) > max_chars:
            self.refuse(key, f"has {len(text)} characters, the limit is {max_chars}")
        return text

    def line(self, key: str, max_chars: int, default: str | None = None) -> str:
        """Take a text of one line."""
        text = self.text(key, max_chars, default)
        if len(text.splitlines()) > 1:
            self.refuse(key, "must be one line")
        return text

    def choice(self, key: str, choices: Iterable[str], default: str | None = None) -> str:
        """Take one of a few words."""
        allowed = [str(choice) for choice in choices]
        value = self._take(key, default)
        if value in allowed:
            return str(value)
        if value is not None:
            quoted = " or ".join(f'"{choice}"' for choice in allowed)
            self.refuse(key, f"must be {quoted}, not {value!r}")
        return allowed[0]

    def number(self, key: str, default: float, least: float, most: float) -> Any:
        """Take a number between two bounds, themselves allowed; a whole one where the default is whole."""
        value = self._take(key, default)
        is_whole = isinstance(default, int)
        if isinstance(value, bool) or not isinstance(value, int if is_whole else int | float):
            self.refuse(key, f"must be a {'whole ' if is_whole else ''}number, not {value!r}")
            return default
        if not least <= value <= most:
            self.refuse(key, f"{value} is not between {least} and {most}")
            return default
        return value

    def lines(self, choices: Iterable[str] = ()) -> dict[str, str]:
        """Take every key of this table, each a text of one line, or one of a few words."""
        allowed = list(choices)
        return {key: self.choice(key, allowed) if allowed else self.line(key, max_chars=200) for key in self._values}

    def table(self, key: str) -> CheckedTable:
        """Take a table; an empty one where there is none."""
        value = self._take(key, {})
        if not isinstance(value, dict):
            self.refuse(key, f"must be a table, [{key}], not {value!r}")
            value = {}
        table = CheckedTable(value, f"{self._path}{key}.")
        self._tables.append(table)
        return table

    def _take(self, key: str, default: Any) -> Any:
        """Return the value; None where it is missing and has no default, which is noted."""
        self._known.append(key)
        if key not in self._values and default is None:
            self.refuse(key, "is missing")
        return self._values.get(key, default)

    def _with_inner(self) -> Iterator[CheckedTable]:
        yield self
        for table in self._tables:
            yield from table._with_inner()

    def _known_paths(self) -> Iterator[str]:
        for table in self._with_inner():
            yield from (f"{table._path}{key}" for key in table._known)

    def _unknown(self, known: list[str]) -> Iterator[str]:
        for key in self._values:
            if key not in self._known:
                yield f"{self._path}{key}: is not a key of a seed{_suggestion(self._path + key, known)}"


def _suggestion(path: str, known: list[str]) -> str:
    """Suggest the same key in another table, or else one that is written alike."""
    last = path.rpartition(".")[2]
    by_last = {name.rpartition(".")[2]: name for name in known}
    alike = [last] if last in by_last else difflib.get_close_matches(last, by_last, n=1)
    return f"; did you mean {by_last[alike[0]]}?" if alike else ""
