"""`govorun forgotten` names what still holds somebody, and nothing else."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from bot.cli import app
from storage.export.manifest import write_manifest
from storage.log.migrate import migrate
from storage.log.sql_log import sql_log
from storage.records import hashed_id
from tests.bot.environment import forget_settings
from tests.storage.log.places import open_place


class Shell:
    """Types the command beside a log in which one person was forgotten."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.home.mkdir()
        self.url = f"sqlite:///{self.home / 'govorun.db'}"
        self.env = {"GOVORUN_DATA_DIR": str(self.home), "COLUMNS": "200"}
        self.gone = asyncio.run(self._forget())

    async def _forget(self) -> str:
        await migrate(self.url)
        async with sql_log(self.url) as log:
            place = await open_place(log)
            await place.exchange("нет интернета", "Проверяю")
            async with log.writing() as writing:
                (gone,) = await writing.forget("telegram", "17")
        return gone

    def export(self, name: str, dialogue: str, age: timedelta) -> None:
        """Write the manifest of an export that was made so long ago."""
        exported_at = (datetime.now(UTC) - age).isoformat(timespec="seconds")
        with (self.folder / f"{name}.manifest.json").open("wb") as file:
            write_manifest(file, {"files": [], "exported_at": exported_at}, {name: [dialogue]})

    async def promote(self, dialogue: str) -> None:
        lineage = {"made_at": "2026-01-01T00:00:00+00:00", "data": {"dialogues": [hashed_id(dialogue)]}}
        async with sql_log(self.url) as log, log.writing() as writing:
            await writing.promote("support", "support", "sha256:ab", 1.0, {"lineage": lineage})

    def look(self, folder: Path | None = None) -> Result:
        return CliRunner().invoke(app, ["forgotten", str(folder or self.folder)], env=self.env)


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    forget_settings(monkeypatch)
    monkeypatch.chdir(tmp_path)
    return Shell(tmp_path)


HOUR = timedelta(hours=1)


def test_exports_from_before_hold_who_was_forgotten_and_later_ones_do_not(shell: Shell) -> None:
    shell.export("early.jsonl", shell.gone, HOUR)
    shell.export("late.jsonl", shell.gone, -HOUR)
    shell.export("others.jsonl", "another", HOUR)

    result = shell.look()

    assert result.exit_code == 1, result.output
    assert "early.jsonl" in result.output
    assert "late.jsonl" not in result.output
    assert "others.jsonl" not in result.output


def test_what_learned_from_them_is_named(shell: Shell) -> None:
    (shell.folder / "adapter").mkdir()
    data = {"exported_at": "2026-01-01T00:00:00+00:00", "dialogues": [hashed_id(shell.gone)]}
    (shell.folder / "adapter" / "lineage.json").write_text(json.dumps({"data": data, "made_at": "2026-01-02"}))
    asyncio.run(shell.promote(shell.gone))

    result = shell.look()

    assert result.exit_code == 1
    assert str(shell.folder / "adapter") in result.output
    assert "adapter sha256:ab, which was promoted" in result.output


def test_where_nobody_is_held_it_says_so(shell: Shell) -> None:
    shell.export("others.jsonl", "another", HOUR)
    (shell.folder / "lineage.json").write_text("[]")

    result = shell.look()

    assert result.exit_code == 0
    assert "holds anybody" in result.output


def test_a_folder_that_is_not_there_is_no_good_news(shell: Shell) -> None:
    result = shell.look(shell.folder / "exprots")

    assert result.exit_code == 2
    assert "does not exist" in result.output
