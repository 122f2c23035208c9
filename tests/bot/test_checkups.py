from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from bot import checkups
from bot.checkups import Finding, Verdict, checked
from bot.settings import Settings, load_settings
from dialogue.errors import SettingsError, StorageUnavailable
from storage.log.migrate import migrate
from storage.log.sql import sql_engines, transaction
from tests.bot.environment import forget_settings
from tests.telegram_server import TOKEN, telegram_server


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    forget_settings(monkeypatch)
    monkeypatch.chdir(tmp_path)


def settings(tmp_path: Path, **others: Any) -> Settings:
    return load_settings(data_dir=tmp_path, **others)


async def test_the_bot_is_named(tmp_path: Path) -> None:
    async with telegram_server() as server:
        finding = await checkups.telegram(settings(tmp_path, telegram_token=TOKEN, telegram_api_url=server.url))

    assert finding.verdict is Verdict.OK
    assert "polling" in finding.detail


async def test_a_token_that_telegram_does_not_know_fails_and_is_not_shown(tmp_path: Path) -> None:
    async with telegram_server() as server:
        finding = await checkups.telegram(settings(tmp_path, telegram_token="4243:wrong", telegram_api_url=server.url))

    assert finding.verdict is Verdict.FAIL
    assert "@BotFather" in finding.mend
    assert "wrong" not in finding.detail


async def test_tables_that_are_not_made_yet_are_no_fault_and_are_not_made(tmp_path: Path) -> None:
    finding = await checkups.sql(settings(tmp_path))

    assert finding.verdict is Verdict.OK
    assert "at the first start" in finding.detail
    assert list(tmp_path.iterdir()) == []


async def test_tables_of_this_version_are_in_order(tmp_path: Path) -> None:
    await migrate(settings(tmp_path).sql_url)

    finding = await checkups.sql(settings(tmp_path))

    assert finding.verdict is Verdict.OK
    assert "tables of version" in finding.detail


@pytest.mark.parametrize(
    ("version", "verdict", "mend"),
    [("0001", Verdict.WARN, "the next start brings them to"), ("9999", Verdict.FAIL, "install the newer Govorun")],
)
async def test_tables_of_another_version_say_how_they_come_together(
    tmp_path: Path, version: str, verdict: Verdict, mend: str
) -> None:
    url = settings(tmp_path).sql_url
    await migrate(url)
    async with sql_engines(url) as engines, transaction(engines.writing) as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = :version"), {"version": version})

    finding = await checkups.sql(settings(tmp_path))

    assert finding.verdict is verdict
    assert f"tables of version {version}" in finding.detail
    assert mend in finding.mend


async def test_a_gpu_that_is_not_there_fails_with_the_way_out(tmp_path: Path) -> None:
    finding = await checkups.device(settings(tmp_path, device="cuda:99"))

    assert finding.verdict is Verdict.FAIL
    assert "GOVORUN_DEVICE=auto" in finding.mend


async def test_a_data_directory_that_cannot_be_made_fails(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    finding = await checked(checkups.disk, settings(tmp_path / "file" / "data"), mend="")

    assert finding.verdict is Verdict.FAIL
    assert "GOVORUN_DATA_DIR" in finding.detail


@pytest.mark.parametrize(
    ("error", "finding"),
    [
        (SettingsError("set it right"), Finding(Verdict.FAIL, "set it right")),
        (StorageUnavailable("no answer"), Finding(Verdict.FAIL, "no answer", "start the server")),
    ],
)
async def test_an_error_is_a_finding_with_a_way_to_mend_it(tmp_path: Path, error: Exception, finding: Finding) -> None:
    async def fails(_: Settings) -> Finding:
        raise error

    assert await checked(fails, settings(tmp_path), mend="start the server") == finding
