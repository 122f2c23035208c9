"""SQLite for one writer inside an event loop: only what may wait long, for a lock or for the disk, leaves the loop.

A statement of ours takes some ten microseconds; handing it to a thread and back takes ten times as long.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

Result = TypeVar("Result")


async def connect(path: Path, timeout_s: float) -> SqliteConnection:
    """Open a connection that waits for up to `timeout_s` while another process writes."""
    thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sqlite")
    # Only one thread uses the connection at any time: each call is awaited to its end.
    connection = sqlite3.connect(path, timeout=timeout_s, isolation_level=None, check_same_thread=False)
    return SqliteConnection(connection, thread)


class SqliteConnection:
    """A connection with the methods that SQLAlchemy expects of `aiosqlite.Connection`."""

    isolation_level = None

    def __init__(self, connection: sqlite3.Connection, thread: ThreadPoolExecutor) -> None:
        self._connection = connection
        self._thread = thread

    def cursor(self) -> SqliteCursor:
        """Return a cursor."""
        return SqliteCursor(self._connection.cursor(), self.apart)

    async def commit(self) -> None:
        """Make the transaction durable."""
        await self.apart(self._connection.commit)

    async def rollback(self) -> None:
        """Undo the transaction, if there is one."""
        self._connection.rollback()

    async def close(self) -> None:
        """Close the connection; the last one to close copies the log file back, which may take a while."""
        await self.apart(self._connection.close)
        self._thread.shutdown(wait=False)

    def stop(self) -> None:
        """Close the connection where nothing can be awaited any more."""
        self._thread.submit(self._connection.close)
        self._thread.shutdown(wait=False)

    async def create_function(self, *args: Any, **options: Any) -> None:
        """Add a function to the SQL language."""
        self._connection.create_function(*args, **options)

    async def use_write_ahead_log(self) -> None:
        """Let others read while one writes; the file remembers it."""
        await self.apart(lambda: self._connection.execute("PRAGMA journal_mode = WAL"))

    async def truncate_log(self) -> bool:
        """Copy the write-ahead log into the database and empty it; say whether no reader was in the way."""
        checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)"
        is_busy, _, _ = await self.apart(lambda: self._connection.execute(checkpoint).fetchone())
        return not is_busy

    async def apart(self, call: Callable[[], Result]) -> Result:
        """Call in the connection's thread; a cancelled caller still waits, so that the call is over when it returns."""
        future = asyncio.get_running_loop().run_in_executor(self._thread, call)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            await asyncio.wait([future])
            raise


class SqliteCursor:
    """A cursor with the methods that SQLAlchemy expects of `aiosqlite.Cursor`."""

    def __init__(self, cursor: sqlite3.Cursor, apart: Callable[[Callable[[], Any]], Any]) -> None:
        self._cursor = cursor
        self._apart = apart
        self.arraysize = cursor.arraysize

    @property
    def description(self) -> Any:
        """The columns of the result."""
        return self._cursor.description

    @property
    def rowcount(self) -> int:
        """How many rows a statement changed."""
        return self._cursor.rowcount

    @property
    def lastrowid(self) -> int | None:
        """The id of the last row inserted."""
        return self._cursor.lastrowid

    async def __aenter__(self) -> SqliteCursor:
        return self

    async def execute(self, operation: str, parameters: Sequence[Any] = ()) -> None:
        """Run a statement; the one that waits for other writers runs apart."""
        if operation.startswith("BEGIN"):
            await self._apart(lambda: self._cursor.execute(operation))
        else:
            self._cursor.execute(operation, parameters)

    async def executemany(self, operation: str, parameters: Sequence[Sequence[Any]]) -> None:
        """Run a statement once for each of the parameters."""
        self._cursor.executemany(operation, parameters)

    async def fetchall(self) -> list[Any]:
        """Return all rows."""
        return self._cursor.fetchall()

    async def close(self) -> None:
        """Let go of the result."""
        self._cursor.close()
