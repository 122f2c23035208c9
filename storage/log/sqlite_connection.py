"""SQLite for asyncio: a connection that may run statements inside the event loop.

A statement of a writing transaction takes some ten microseconds, handing it to a thread and back ten times as long. So
a writer leaves the loop only for what waits: for the lock, where another process has it, and for the disk. A reader may
read much, and leaves it for every statement.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

Result = TypeVar("Result")


async def connect(path: Path, timeout_s: float, stays_in_loop: bool) -> SqliteConnection:
    """Open a connection that waits for up to `timeout_s` while another one writes."""
    # Two threads use it, never at the same time: each call is awaited before the next.
    connection = sqlite3.connect(path, timeout=timeout_s, isolation_level=None, check_same_thread=False)
    return SqliteConnection(connection, timeout_s, stays_in_loop)


class SqliteConnection:
    """A connection with the methods that SQLAlchemy expects of `aiosqlite.Connection`."""

    isolation_level = None

    def __init__(self, connection: sqlite3.Connection, timeout_s: float, stays_in_loop: bool) -> None:
        self._connection = connection
        self._timeout_ms = int(timeout_s * 1000)
        self._stays_in_loop = stays_in_loop
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sqlite")

    def cursor(self) -> SqliteCursor:
        """Return a cursor."""
        return SqliteCursor(self._connection.cursor(), self._run)

    async def commit(self) -> None:
        """Make the transaction durable."""
        if self._stays_in_loop:
            await self._apart(self._connection.commit)
        else:
            self._connection.commit()  # It has read: nothing goes to the disk.

    async def rollback(self) -> None:
        """Undo the transaction, if there is one."""
        self._connection.rollback()

    async def close(self) -> None:
        """Close the connection; the last one copies the write-ahead log into the database, which may take a while."""
        await self._apart(self._connection.close)
        self._thread.shutdown(wait=False)

    def stop(self) -> None:
        """Close the connection where nothing can be awaited any more."""
        self._thread.submit(self._connection.close)
        self._thread.shutdown(wait=False)

    async def create_function(self, *args: Any, **options: Any) -> None:
        """Add a function to the SQL language."""
        self._connection.create_function(*args, **options)

    async def value(self, statement: str) -> Any:
        """Run a statement outside of any transaction; return the first value of its result."""
        row = await self._apart(lambda: self._connection.execute(statement).fetchone())
        return row and row[0]

    async def _run(self, operation: str, call: Callable[[], Result]) -> Result:
        if operation == "BEGIN IMMEDIATE":
            return await self._lock(call)
        # A plain BEGIN does nothing yet.
        if self._stays_in_loop or operation == "BEGIN":
            return call()
        return await self._apart(call)

    async def _lock(self, begin: Callable[[], Result]) -> Result:
        """Begin to write: at once where nobody else does, as mostly; only here does a writer wait for other writers."""
        self._connection.execute("PRAGMA busy_timeout = 0")
        try:
            return begin()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
        finally:
            self._connection.execute(f"PRAGMA busy_timeout = {self._timeout_ms}")
        return await self._apart(begin)

    async def _apart(self, call: Callable[[], Result]) -> Result:
        future = asyncio.get_running_loop().run_in_executor(self._thread, call)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            # The thread goes on; nobody else may use the connection before it is done.
            await asyncio.wait([future])
            raise


class SqliteCursor:
    """A cursor with the methods that SQLAlchemy expects of `aiosqlite.Cursor`."""

    def __init__(self, cursor: sqlite3.Cursor, run: Callable[[str, Callable[[], Any]], Any]) -> None:
        self._cursor = cursor
        self._run = run
        self._rows: list[Any] = []
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
        """Run a statement and fetch its rows."""
        self._rows = await self._run(operation, partial(self._execute, operation, parameters))

    async def executemany(self, operation: str, parameters: Sequence[Sequence[Any]]) -> None:
        """Run a statement once for each of the parameters."""
        await self._run(operation, partial(self._cursor.executemany, operation, parameters))

    async def fetchall(self) -> list[Any]:
        """Return the rows."""
        return self._rows

    async def close(self) -> None:
        """Let go of the result."""
        self._cursor.close()

    def _execute(self, operation: str, parameters: Sequence[Any]) -> list[Any]:
        self._cursor.execute(operation, parameters)
        return self._cursor.fetchall()
