"""Says how far a database's tables are, without changing anything."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, make_url, text

from storage.log.sql import sql_engines, transaction, translated

_VERSIONS = Path(__file__).parent / "migrations" / "versions"

# Alembic takes a while to load, and most starts find the newest tables; so what it keeps is read without it.
_ITS_TABLE = "alembic_version"


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
            return await connection.run_sync(version_in)


def version_in(connection: Connection) -> str | None:
    """Return the version of the tables behind a connection; None where there are none yet."""
    if not inspect(connection).has_table(_ITS_TABLE):
        return None
    version: str | None = connection.execute(text(f"SELECT version_num FROM {_ITS_TABLE}")).scalar()  # noqa: S608
    return version


def newest_version() -> str:
    """Return the version that `storage.log.migrate` brings a database to."""
    # Files are called `v0001_what_is_new.py`.
    return max(path.name[1:5] for path in _VERSIONS.glob("v[0-9]*.py"))


def _is_missing_file(url: str) -> bool:
    # Connecting would make it.
    parsed = make_url(url)
    return parsed.get_backend_name() == "sqlite" and not Path(parsed.database or "").exists()
