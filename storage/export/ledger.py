"""What an export has to remember of all that it has written; on the disk, so that memory stays flat."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar

from storage.export.scratch import Scratch

T = TypeVar("T")

_CACHE_KIB = 16 * 1024
_AT_ONCE = 500

_TABLES = """
    CREATE TABLE rows (digest INTEGER PRIMARY KEY);
    CREATE TABLE held (file INTEGER, dialogue TEXT, PRIMARY KEY (file, dialogue)) WITHOUT ROWID;
    CREATE TABLE people (id INTEGER PRIMARY KEY);
"""


class Ledger(Scratch):
    """Rows, dialogues and people that were exported."""

    def __init__(self) -> None:
        super().__init__(_TABLES, _CACHE_KIB)

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
