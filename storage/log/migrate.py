"""Brings a database to the newest version of the tables."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, text

from dialogue.errors import SettingsError
from storage.log.migration_state import newest_version, version_in
from storage.log.sql import sql_engines, transaction, translated, use_write_ahead_log

_MIGRATIONS = Path(__file__).parent / "migrations"

# Any number that no other program on the same server is likely to lock; it spells "govorun" in ASCII.
_LOCK = int.from_bytes(b"govorun")


async def migrate(url: str) -> None:
    """Make or upgrade the tables; safe to call from several processes at once, the first one does the work.

    Raises:
        StorageUnavailable: the database is out of reach.
        SettingsError: the URL is neither of SQLite nor of PostgreSQL, or a newer Govorun has made the tables.
    """
    async with sql_engines(url) as engines:
        await use_write_ahead_log(engines.writing)
        # All versions in one transaction. On SQLite it holds the lock for writing from its beginning.
        async with transaction(engines.writing) as connection:
            with translated():
                if connection.dialect.name == "postgresql":
                    await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
                await connection.run_sync(_upgrade)


def _upgrade(connection: Connection) -> None:
    version, newest = version_in(connection), newest_version()
    if version == newest:
        return
    if version is not None and version > newest:
        raise SettingsError(
            f"the database has tables of version {version}, and this Govorun knows them up to {newest}: install the "
            "newer one that made them, or name another database"
        )
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.set_main_option("path_separator", "os")
    command.upgrade(config, "head")
