"""Opens SQL databases: SQLite in one file, or PostgreSQL; and tells trouble of the moment from lasting faults."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from dialogue.errors import SettingsError, StorageError, StorageUnavailable
from storage.log import sqlite_connection

# Longer than the largest erasure of another process takes.
LOCK_TIMEOUT_S = 10.0
CONNECT_TIMEOUT_S = 5.0

# How many tasks of a process may read at the same time, and with PostgreSQL write.
_CONNECTIONS = 8

# Classes of PostgreSQL's error codes that pass: connection, deadlock, resources, lock, operator, system.
_PASSING = ("08", "40", "53", "55", "57", "58")


@dataclass(frozen=True, slots=True)
class Engines:
    """The two ways into a database; one and the same for PostgreSQL.

    Args:
        writing: on SQLite a transaction holds the one lock for writing from its beginning to its end.
    """

    reading: AsyncEngine
    writing: AsyncEngine


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
async def transaction(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
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


async def use_write_ahead_log(engine: AsyncEngine) -> None:
    """Let SQLite read while it writes; the file remembers it. PostgreSQL always does."""
    if engine.dialect.name == "sqlite":
        with translated():
            async with engine.connect() as connection:
                await (await sqlite_driver(connection)).value("PRAGMA journal_mode = WAL")


async def sqlite_driver(connection: AsyncConnection) -> sqlite_connection.SqliteConnection:
    """Return the connection below SQLAlchemy's, for what SQLite does not do inside a transaction."""
    driver = (await connection.get_raw_connection()).driver_connection
    assert isinstance(driver, sqlite_connection.SqliteConnection)
    return driver


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
    reading = _sqlite_engine(path, stays_in_loop=False, pool_size=_CONNECTIONS)
    # One connection: tasks of a process queue for it in order, instead of polling for SQLite's one lock.
    writing = _sqlite_engine(path, stays_in_loop=True, pool_size=1, max_overflow=0)
    _prepare(reading, "BEGIN", "PRAGMA query_only = ON")
    _prepare(
        writing,
        "BEGIN IMMEDIATE",
        "PRAGMA foreign_keys = ON",
        "PRAGMA synchronous = FULL",  # What was committed survives a power cut.
        "PRAGMA secure_delete = ON",  # What was erased is overwritten in the file.
    )
    return Engines(reading, writing)


def _sqlite_engine(path: Path, stays_in_loop: bool, **options: Any) -> AsyncEngine:
    return create_async_engine(
        URL.create("sqlite+aiosqlite", database=str(path)),
        async_creator=partial(sqlite_connection.connect, path, LOCK_TIMEOUT_S, stays_in_loop),
        hide_parameters=True,
        **options,
    )


def _prepare(engine: AsyncEngine, begin: str, *pragmas: str) -> None:
    @event.listens_for(engine.sync_engine, "connect")
    def on_connect(connection: Any, _: object) -> None:
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(pragma)
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def on_begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)


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
