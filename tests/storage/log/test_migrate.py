"""The tables of a database, made and brought up to date."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, ForeignKeyConstraint, text

from dialogue.errors import SettingsError, StorageUnavailable
from storage.log import migrations
from storage.log.migrate import migrate
from storage.log.migration_state import newest_version, table_version
from storage.log.sql import sql_engines, transaction
from storage.log.sql_log import sql_log
from storage.log.tables import metadata
from tests.storage.log.places import open_place

NEWEST = ScriptDirectory(str(Path(migrations.__file__).parent)).get_current_head()


def is_compared(item: Any, name: str | None, *_: object) -> bool:
    """Leave out what cannot be compared.

    The index of words: each database has its own, and `test_search` looks at it. References to operators that were
    added to a table which was there: SQLAlchemy does not read from SQLite what becomes of them on a deletion.
    """
    is_reference = isinstance(item, ForeignKeyConstraint) and item.referred_table.name == "operators"
    return "words" not in (name or "") and not (is_reference and "dialogues" in str(item.table))


def differences(connection: Connection) -> list[Any]:
    context = MigrationContext.configure(connection, opts={"include_object": is_compared})
    return list(compare_metadata(context, metadata))


async def test_the_versions_lead_to_the_tables(database_url: str) -> None:
    async with sql_engines(database_url) as engines, transaction(engines.writing) as connection:
        assert await connection.run_sync(differences) == []


async def test_migrating_again_changes_nothing(database_url: str) -> None:
    async with sql_log(database_url) as log:
        place = await open_place(log)
        await place.exchange("one", "ONE")
        await migrate(database_url)

        assert await place.texts() == ["one", "ONE"]


async def test_tables_that_a_newer_version_has_made_are_left_alone(database_url: str) -> None:
    async with sql_engines(database_url) as engines, transaction(engines.writing) as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(SettingsError, match=f"tables of version 9999, and this Govorun knows them up to {NEWEST}"):
        await migrate(database_url)

    assert await table_version(database_url) == "9999"


async def test_files_are_called_after_the_version_that_they_lead_to(database_url: str) -> None:
    assert newest_version() == NEWEST
    assert await table_version(database_url) == NEWEST


def test_a_start_on_the_newest_tables_does_without_alembic(tmp_path: Path) -> None:
    program = "import asyncio, sys; from storage.log.migrate import migrate; asyncio.run(migrate(sys.argv[1]))"
    program += "; sys.exit('alembic' in sys.modules)"
    command = [sys.executable, "-W", "error", "-c", program, f"sqlite:///{tmp_path / 'log.db'}"]

    assert [subprocess.run(command).returncode for _ in range(2)] == [1, 0]


async def test_processes_that_start_together_migrate_once(tmp_path: Path) -> None:
    program = "import asyncio, sys; from storage.log.migrate import migrate; asyncio.run(migrate(sys.argv[1]))"
    url = f"sqlite:///{tmp_path / 'log.db'}"

    processes = [subprocess.Popen([sys.executable, "-W", "error", "-c", program, url]) for _ in range(3)]

    assert [process.wait() for process in processes] == [0, 0, 0]
    async with sql_engines(url) as engines, transaction(engines.reading) as connection:
        assert (await connection.execute(text("SELECT count(*) FROM alembic_version"))).scalar_one() == 1


async def test_tasks_that_start_together_migrate_once(postgres: Any) -> None:
    postgres.psql("CREATE DATABASE together;")
    url = postgres.get_uri("together")

    async with asyncio.TaskGroup() as tasks:
        for _ in range(4):
            tasks.create_task(migrate(url))

    async with sql_log(url) as log:
        assert await (await open_place(log)).texts() == []


async def test_a_database_out_of_reach_is_unavailable() -> None:
    with pytest.raises(StorageUnavailable):
        await migrate("postgresql://govorun@127.0.0.1:1/govorun")
