"""`govorun export` as an engineer types it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from bot.cli import app
from bot.settings import names
from dialogue.errors import ExportError, SeedError
from storage.export.manifest import verified
from storage.log.migrate import migrate
from storage.log.review.changes import Change
from storage.log.sql_log import sql_log
from tests.bot.environment import forget_settings
from tests.storage.export.studio import lines
from tests.storage.log.places import an_operator, open_place


class Shell:
    """Types commands. They run an event loop of their own, so they are typed in a thread."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.env = {name: value for name, value in os.environ.items() if name not in names()}
        self.env["GOVORUN_DATA_DIR"] = str(folder / "data")
        self.url = f"sqlite:///{folder / 'data' / 'govorun.db'}"

    async def export(self, *arguments: str, out: str = "out.jsonl") -> Result:
        command = ["export", "--out", str(self.folder / out), *arguments]
        return await asyncio.to_thread(CliRunner().invoke, app, command, env=self.env)


@pytest.fixture
async def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """A shell beside a database with one approved dialogue."""
    monkeypatch.chdir(tmp_path)
    forget_settings(monkeypatch)
    shell = Shell(tmp_path)
    (tmp_path / "data").mkdir()
    await migrate(shell.url)
    async with sql_log(shell.url) as log:
        place = await open_place(log)
        async with log.writing() as writing:
            place.chat = await writing.new_dialogue(place.chat, "small-talk-ru")
        await place.exchange("привет", "Здравствуйте!")
        olga = await an_operator(log)
        async with log.writing() as writing:
            await writing.change(olga, [Change(place.chat.dialogue_id, "approval", "approved")])
    return shell


async def test_it_writes_the_file_and_says_what_is_in_it(shell: Shell) -> None:
    result = await shell.export()

    assert result.exit_code == 0, result.output
    assert f"{shell.folder / 'out.jsonl'}: 1 row of 1 dialogue" in result.output
    assert [row["completion"] for row in lines(shell.folder / "out.jsonl")] == [" Здравствуйте!"]
    assert verified(shell.folder / "out.jsonl.manifest.json")["format"] == "prompt-completion"


async def test_every_option_goes_into_the_query(shell: Shell) -> None:
    result = await shell.export(
        *("--format", "kto", "--seed", "small-talk-ru", "--seed", "small-talk-en", "--model", "gemma"),
        *("--since", "2026-01-01", "--until", "2026-02-01T12:00:00", "--rating", "good", "--operator", "Olga"),
        *("--language", "ru", "--include-unreviewed", "--split", "train=0.9,test=0.1", "--personal-data", "keep"),
        *("--near-duplicates", "keep", "--ending", "tag"),
    )

    assert result.exit_code == 0, result.output
    manifest = verified(shell.folder / "out.jsonl.manifest.json")
    query = manifest["query"]
    assert query["approval"] == ["approved", "unreviewed"]
    assert query["seeds"] == ["small-talk-ru", "small-talk-en"]
    assert (query["model"], query["rating"], query["operator"], query["language"]) == ("gemma", "good", "Olga", "ru")
    assert query["since"].startswith(("2025-12-31T", "2026-01-01T"))
    assert query["until"] > query["since"]
    assert (manifest["ending"], manifest["near_duplicates"]) == ("tag", "keep")
    assert manifest["personal_data"]["handling"] == "keep"
    assert manifest["splits"] == {"train": 0.9, "test": 0.1}
    assert "There was nothing to learn." in result.output


@pytest.mark.parametrize(
    ("arguments", "out", "why"),
    [
        ([], "out.txt", "must end with"),
        (["--split", "train=2"], "out.jsonl", "over 0"),
        (["--since", "2026-02-01", "--until", "2026-01-01"], "out.jsonl", "nothing lies between"),
        (["--fine-tuned", "--seed", "small-talk-ru"], "out.jsonl", "is a dialogue, which has no form"),
        (
            ["--ending", "tag", "--format", "qa"],
            "out.jsonl",
            "take transcript, prompt-completion, input-output, dpo, kto",
        ),
    ],
)
async def test_what_cannot_be_done_is_said_in_one_line(shell: Shell, arguments: list[str], out: str, why: str) -> None:
    result = await shell.export(*arguments, out=out)

    assert isinstance(result.exception, ExportError)
    assert why in str(result.exception)
    assert "\n" not in str(result.exception)


async def test_a_seed_that_does_not_exist_is_named_with_the_nearest(shell: Shell) -> None:
    result = await shell.export("--seed", "small-talk-rus")

    assert isinstance(result.exception, SeedError)
    assert 'did you mean "small-talk-ru"?' in str(result.exception)


async def test_help_names_every_format_and_has_an_example() -> None:
    result = await asyncio.to_thread(CliRunner().invoke, app, ["export", "--help"], env={"COLUMNS": "200"})

    assert "Example: govorun export --format dpo" in result.output
    assert "prompt-completion" in result.output


async def test_nothing_is_left_after_ctrl_c(shell: Shell) -> None:
    folder = shell.folder / "exports"
    folder.mkdir()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot.cli", "export", "--out", str(folder / "out.jsonl")),
        env=shell.env | {"PYTHONPATH": str(Path(__file__).parents[2])},
        stderr=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
    )
    assert process.stderr is not None
    await process.stderr.readline()  # It has begun.
    process.send_signal(signal.SIGINT)
    await process.communicate()

    assert [path.name for path in folder.iterdir() if path.name.endswith(".part")] == []
    assert process.returncode == 0 or list(folder.iterdir()) == []
