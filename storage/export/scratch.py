"""Tables for what has to be remembered during an export: on the disk, so that memory stays flat."""

from __future__ import annotations

import sqlite3
from types import TracebackType
from typing import Self


class Scratch:
    """Tables that are forgotten when they are closed, or when the process dies.

    Args:
        tables: in SQL, as they are made.
        cache_kib: what SQLite keeps of them in memory before it writes to the disk.
    """

    def __init__(self, tables: str, cache_kib: int) -> None:
        # Without a name SQLite makes a file that nobody else sees, and that goes with the connection.
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute(f"PRAGMA cache_size = -{cache_kib}")
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.executescript(tables)
        self._database.execute("BEGIN")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._database.close()
