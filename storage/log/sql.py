"""Opens SQL databases: SQLite in one file, or PostgreSQL; and tells trouble of the moment from lasting faults."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from dialogue.errors import SettingsError, StorageError, StorageUnavailable
from storage.log.sqlite_engine import SqliteConnection, SqliteEngine

# Longer than the largest erasure of another process takes.
LOCK_TIMEOUT_S = 10.0
CONNECT_TIMEOUT_S = 5.0

# How many tasks of a process may read at the same time, and with PostgreSQL write.
_CONNECTIONS = 8

# Classes of PostgreSQL's error codes that pass: connection, deadlock, resources, lock, operator, system.
_PASSING = ("08", "40", "53", "55", "57", "58")


SqlEngine = AsyncEngine | SqliteEngine
SqlConnection = AsyncConnection | SqliteConnection


@dataclass(frozen=True, slots=True)
class Engines:
    """The two ways into a database; one and the same for PostgreSQL.

    Args:
        writing: on SQLite a transaction holds the one lock for writing from its beginning to its end.
    """

    reading: SqlEngine
    writing: SqlEngine


@asynccontextmanager
async def sql_engines(url: str) -> AsyncIterator[Engines]:
    """Make the engines for `sqlite:///path` or `postgresql://...` and close their connections at exit.

    Raises:
        SettingsError: the URL is neither.
    """
    engines = _engines(url)
    try:
        yield engines
    finally:
        await engines.reading.dispose()
        await engines.writing.dispose()


@asynccontextmanager
async def transaction(engine: SqlEngine) -> AsyncIterator[SqlConnection]:
    """Begin a transaction: committed at exit, rolled back on an error.

    Raises:
        StorageUnavailable: the database is out of reach, busy or full.
    """
    with translated():
        connection = await engine.connect()
    try:
        with translated():
            await connection.begin()
        yield connection
        with translated():
            await connection.commit()
    finally:
        with translated():
            await connection.close()  # Rolls back what was not committed.


async def use_write_ahead_log(engine: SqlEngine) -> None:
    """Let SQLite read while it writes; the file remembers it. PostgreSQL always does."""
    if isinstance(engine, SqliteEngine):
        with translated():
            async with engine.connected() as connection:
                await connection.value("PRAGMA journal_mode = WAL")


@contextmanager
def translated() -> Iterator[None]:
    """Turn errors of the database into ours.

    Raises:
        StorageUnavailable: out of reach, busy or full: worth another try later.
        StorageError: anything that does not pass by itself, such as a missing table.
    """
    try:
        yield
    except (SQLAlchemyError, OSError) as error:
        kind = StorageUnavailable if _is_passing(error) else StorageError
        raise kind(f"SQL: {error}") from error


def _engines(url: str) -> Engines:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise SettingsError("the database's URL must be sqlite:///path or postgresql://user@host/name") from error
    match parsed.get_backend_name():
        case "sqlite" if parsed.database and parsed.database != ":memory:":
            return _sqlite(Path(parsed.database))
        case "postgresql" | "postgres":
            engine = _postgresql(parsed)
            return Engines(engine, engine)
    raise SettingsError(f"{parsed.render_as_string()!r} is neither sqlite:///path nor postgresql://user@host/name")


def _sqlite(path: Path) -> Engines:
    reading = SqliteEngine(path, LOCK_TIMEOUT_S, "BEGIN", ["PRAGMA query_only = ON"], _CONNECTIONS, stays_in_loop=False)
    pragmas = (
        "PRAGMA foreign_keys = ON",
        "PRAGMA synchronous = FULL",  # What was committed survives a power cut.
        "PRAGMA secure_delete = ON",  # What was erased is overwritten in the file.
    )
    # One connection: tasks of a process queue for it in order, instead of polling for SQLite's one lock.
    writing = SqliteEngine(path, LOCK_TIMEOUT_S, "BEGIN IMMEDIATE", pragmas, 1, stays_in_loop=True)
    return Engines(reading, writing)


def _postgresql(url: URL) -> AsyncEngine:
    query = dict(url.query)
    if "sslmode" in query:  # The word of libpq, which providers put into their URLs; asyncpg calls it `ssl`.
        query["ssl"] = query.pop("sslmode")
    return create_async_engine(
        url.set(drivername="postgresql+asyncpg", query=query),
        connect_args={
            "timeout": CONNECT_TIMEOUT_S,
            "server_settings": {"application_name": "govorun", "lock_timeout": f"{LOCK_TIMEOUT_S:.0f}s"},
        },
        pool_size=_CONNECTIONS,
        hide_parameters=True,
    )


def _is_passing(error: Exception) -> bool:
    if isinstance(error, (OSError, PoolTimeout)):
        return True
    cause: object = error
    if isinstance(error, DBAPIError):
        if error.connection_invalidated:
            return True
        cause = error.orig
    if isinstance(cause, sqlite3.OperationalError):
        # The low byte is the primary code; the plain one means that the statement itself is at fault.
        return cause.sqlite_errorcode & 0xFF != sqlite3.SQLITE_ERROR
    return str(getattr(cause, "sqlstate", "")).startswith(_PASSING)
