"""What an export has to remember of all that it has written; on the disk, so that memory stays flat."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from itertools import islice
from types import TracebackType
from typing import Any, Self, TypeVar

T = TypeVar("T")

# Kept in memory by SQLite before it writes to the disk, in KiB.
_CACHE_KIB = 16 * 1024
_AT_ONCE = 500

_TABLES = """
    CREATE TABLE rows (digest INTEGER PRIMARY KEY);
    CREATE TABLE held (file INTEGER, dialogue TEXT, PRIMARY KEY (file, dialogue)) WITHOUT ROWID;
    CREATE TABLE people (id INTEGER PRIMARY KEY);
"""


class Ledger:
    """Rows, dialogues and people that were exported. Forgotten when it is closed, or when the process dies."""

    def __init__(self) -> None:
        # Without a name SQLite makes a file that nobody else sees, and that goes with the connection.
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.executescript(_TABLES)
        self._database.execute("BEGIN")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._database.close()

    def is_new(self, digest: int) -> bool:
        """Note a row, and say whether it is the first one like it.

        Args:
            digest: 64 bits, as a signed number. Two of a million different rows have the same one once in 37 million
                exports.
        """
        return self._database.execute("INSERT OR IGNORE INTO rows VALUES (?)", (digest,)).rowcount > 0

    def hold(self, file: int, dialogue_id: str, people: Iterable[int]) -> None:
        """Note that a file has something of a dialogue and its people."""
        self._database.execute("INSERT OR IGNORE INTO held VALUES (?, ?)", (file, dialogue_id))
        self._database.executemany("INSERT OR IGNORE INTO people VALUES (?)", ((person,) for person in people))

    def dialogues(self, file: int) -> Iterator[str]:
        """Yield the dialogues of a file, by id."""
        read = self._database.execute("SELECT dialogue FROM held WHERE file = ? ORDER BY dialogue", (file,))
        return (dialogue for (dialogue,) in read)

    def all_dialogues(self) -> Iterator[list[str]]:
        """Yield the dialogues of all files, some hundred at a time."""
        read = self._database.execute("SELECT DISTINCT dialogue FROM held")
        return _some(dialogue for (dialogue,) in read)

    def all_people(self) -> Iterator[list[int]]:
        """Yield the people of all files, some hundred at a time."""
        return _some(person for (person,) in self._database.execute("SELECT id FROM people"))

    def count(self) -> tuple[int, int]:
        """Return how many dialogues and people there are."""
        read: Any = self._database.execute("SELECT (SELECT count(*) FROM held), (SELECT count(*) FROM people)")
        dialogues, people = read.fetchone()
        return int(dialogues), int(people)


def _some(items: Iterator[T]) -> Iterator[list[T]]:
    while some := list(islice(items, _AT_ONCE)):
        yield some
