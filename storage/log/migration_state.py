"""Says how far a database's tables are, without changing anything."""

from __future__ import annotations

from pathlib import Path

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, make_url

from storage.log.sql import sql_engines, transaction, translated

_MIGRATIONS = Path(__file__).parent / "migrations"


async def table_version(url: str) -> str | None:
    """Return the version of the tables; None where there are none yet.

    Raises:
        StorageUnavailable: the database is out of reach.
        SettingsError: the URL is neither of SQLite nor of PostgreSQL.
    """
    if _is_missing_file(url):
        return None
    async with sql_engines(url) as engines, transaction(engines.reading) as connection:
        with translated():
            return await connection.run_sync(_current_revision)


def newest_version() -> str | None:
    """Return the version that `storage.log.migrate` brings a database to."""
    return ScriptDirectory(str(_MIGRATIONS)).get_current_head()


def _is_missing_file(url: str) -> bool:
    # Connecting would make it.
    parsed = make_url(url)
    return parsed.get_backend_name() == "sqlite" and not Path(parsed.database or "").exists()


def _current_revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()
