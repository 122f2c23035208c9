"""SQLite for asyncio, with those methods of SQLAlchemy's asyncio layer that are needed here.

That layer takes three times as long for a statement as the statement itself takes, a thread and back ten times. So a
writer runs its statements inside the event loop, and leaves it only for what waits: for the lock, where another process
has it, and for the disk. A reader may read much, and leaves it for every statement.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Self, TypeVar

from sqlalchemy import URL, Connection, CursorResult, Dialect, Executable, PoolProxiedConnection, create_engine
from sqlalchemy.exc import OperationalError

Result = TypeVar("Result")


class SqliteEngine:
    """Connections to one file, each for one task at a time.

    Args:
        timeout_s: how long a statement may wait for a lock that another connection has.
        begin: how a transaction begins, `BEGIN` or `BEGIN IMMEDIATE`.
        pragmas: statements for each new connection.
        size: how many connections there may be; who finds none free waits for one.
        stays_in_loop: whether statements run in the event loop.
    """

    def __init__(
        self, path: Path, timeout_s: float, begin: str, pragmas: Sequence[str], size: int, stays_in_loop: bool
    ) -> None:
        self.timeout_s, self.begin, self.stays_in_loop = timeout_s, begin, stays_in_loop
        self._engine = create_engine(
            URL.create("sqlite", database=str(path)),
            creator=partial(_connect, path, timeout_s, pragmas),
            pool_size=size,
            hide_parameters=True,
        )
        self._free = asyncio.Semaphore(size)
        self._threads = ThreadPoolExecutor(size, thread_name_prefix="sqlite")

    @property
    def dialect(self) -> Dialect:
        """What kind of SQL it is."""
        return self._engine.dialect

    async def connect(self) -> SqliteConnection:
        """Take a connection; tasks get theirs in the order in which they asked."""
        await self._free.acquire()
        try:
            return SqliteConnection(self, self._engine.connect())
        except BaseException:
            self._free.release()
            raise

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[SqliteConnection]:
        """Take a connection and give it back."""
        connection = await self.connect()
        try:
            yield connection
        finally:
            await connection.close()

    def release(self, connection: Connection) -> None:
        """Take a connection back; what was not committed is undone."""
        try:
            connection.close()
        finally:
            self._free.release()

    async def dispose(self) -> None:
        """Close all connections; the last one copies the write-ahead log into the database, which may take a while."""
        await self.apart(self._engine.dispose)
        self._threads.shutdown(wait=False)

    async def apart(self, call: Callable[[], Result]) -> Result:
        """Call in a thread."""
        future = asyncio.get_running_loop().run_in_executor(self._threads, call)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            # The thread goes on; nobody else may use the connection before it is done.
            await asyncio.wait([future])
            future.exception()  # Nobody is left to be told.
            raise


class SqliteConnection:
    """A connection with one transaction at a time; see `sqlalchemy.ext.asyncio.AsyncConnection`."""

    def __init__(self, engine: SqliteEngine, connection: Connection) -> None:
        self._engine = engine
        self._connection = connection

    @property
    def dialect(self) -> Dialect:
        """What kind of SQL it is."""
        return self._connection.dialect

    async def begin(self) -> None:
        """Begin a transaction; a writer waits here for those of other processes, and nowhere else."""
        begin = partial(self._connection.exec_driver_sql, self._engine.begin)
        if not self._engine.stays_in_loop:
            begin()  # Nothing happens yet.
        elif not self._begins_at_once(begin):
            await self._engine.apart(begin)

    async def execute(self, statement: Executable, parameters: Any = None) -> CursorResult[*tuple[Any, ...]]:
        """Run a statement and fetch its rows."""
        return await self._run(partial(self._connection.execute, statement, parameters))

    async def exec_driver_sql(self, statement: str) -> CursorResult[*tuple[Any, ...]]:
        """Run a statement in SQLite's own words."""
        return await self._run(partial(self._connection.exec_driver_sql, statement))

    async def run_sync(self, call: Callable[[Connection], Result]) -> Result:
        """Call something that uses the connection without asyncio."""
        return await self._run(partial(call, self._connection))

    async def commit(self) -> None:
        """Make the transaction durable."""
        if self._engine.stays_in_loop:
            await self._engine.apart(self._connection.commit)
        else:
            self._connection.commit()  # It has read: nothing goes to the disk.

    async def close(self) -> None:
        """Give the connection back; what was not committed is undone."""
        self._engine.release(self._connection)

    async def value(self, statement: str) -> Any:
        """Run a statement outside of any transaction, and return the first value of its result."""
        driver = _driver(self._connection.connection)
        row = await self._engine.apart(lambda: driver.execute(statement).fetchone())
        return row and row[0]

    def _begins_at_once(self, begin: Callable[[], object]) -> bool:
        """Begin, unless another process writes; mostly none does."""
        driver = _driver(self._connection.connection)
        driver.execute("PRAGMA busy_timeout = 0")
        try:
            begin()
        except OperationalError as error:
            if not _is_busy(error.orig):
                raise
            return False
        finally:
            driver.execute(f"PRAGMA busy_timeout = {self._engine.timeout_s * 1000:.0f}")
        return True

    async def _run(self, call: Callable[[], Result]) -> Result:
        return call() if self._engine.stays_in_loop else await self._engine.apart(call)


class _Driver(sqlite3.Connection):
    def cursor(self, factory: Any = None) -> Any:
        return super().cursor(_EagerCursor)


class _EagerCursor(sqlite3.Cursor):
    """Fetches all rows with the statement: in the same thread, and before the next statement."""

    _rows: Iterator[Any] = iter(())

    def execute(self, statement: str, parameters: Any = ()) -> Self:
        super().execute(statement, parameters)
        self._rows = iter(super().fetchall())
        return self

    def fetchone(self) -> Any:
        return next(self._rows, None)

    def fetchmany(self, size: int | None = None) -> list[Any]:
        return list(islice(self._rows, size or self.arraysize))

    def fetchall(self) -> list[Any]:
        return list(self._rows)


def _connect(path: Path, timeout_s: float, pragmas: Sequence[str]) -> _Driver:
    # Several threads use it, never at the same time: each call is awaited before the next.
    driver = sqlite3.connect(path, timeout_s, isolation_level=None, check_same_thread=False, factory=_Driver)
    for pragma in pragmas:
        driver.execute(pragma)
    return driver


def _driver(connection: PoolProxiedConnection) -> _Driver:
    driver = connection.driver_connection
    assert isinstance(driver, _Driver)
    return driver


def _is_busy(error: BaseException | None) -> bool:
    # The low byte is the primary code.
    return isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
