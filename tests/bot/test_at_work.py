"""`govorun seeds …` beside a database in which another version of a seed was put to work, and beside none."""

from __future__ import annotations

import asyncio
import os
import re
import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from bot.cli import app
from bot.settings import names
from dialogue.seeds import Seed, load_seeds, read_seed
from storage.log.migrate import migrate
from storage.log.sql_log import sql_log
from tests.bot.environment import forget_settings
from tests.storage.log.test_versioning import choose

FILE = load_seeds().get("small-talk-en")
AT_WORK = read_seed("small-talk-en.toml", FILE.content.replace(FILE.text[:20].encode(), b"Words of an operator.", 1))
WORD = "--at-work takes it"


async def put_to_work(data: Path, seed: Seed = AT_WORK) -> None:
    """Make a database in which a version of a seed is chosen."""
    data.mkdir()
    url = f"sqlite:///{data / 'govorun.db'}"
    await migrate(url)
    async with sql_log(url) as log:
        await choose(log, seed, "")


class Shell:
    """Types commands. They run an event loop of their own, so they are typed in a thread."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "data"
        self.env = {name: value for name, value in os.environ.items() if name not in names()}
        self.env |= {"GOVORUN_DATA_DIR": str(self.data), "GOVORUN_MODEL": "echo", "COLUMNS": "200"}

    async def type(self, *command: str) -> Result:
        return await asyncio.to_thread(CliRunner().invoke, app, ["seeds", *command], env=self.env)


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """A shell where nothing was started yet."""
    monkeypatch.chdir(tmp_path)
    forget_settings(monkeypatch)
    return Shell(tmp_path)


@pytest.fixture
async def beside_database(shell: Shell) -> Shell:
    """A shell beside a database in which a version is chosen."""
    await put_to_work(shell.data)
    return shell


async def test_the_list_says_who_has_put_another_version_to_work(beside_database: Shell) -> None:
    result = await beside_database.type("list")

    put = re.compile(r" (\S+) .* vera, \d{4}-\d\d-\d\d \d\d:\d\d +")
    assert [found[1] for line in result.stdout.splitlines() if (found := put.fullmatch(line))] == ["small-talk-en"]
    assert result.stderr == ""


async def test_the_file_is_shown_with_a_word_and_what_is_at_work_without(beside_database: Shell) -> None:
    file = await beside_database.type("show", "small-talk-en")
    other = await beside_database.type("show", "small-talk-ru")
    at_work = await beside_database.type("show", "small-talk-en", "--at-work")

    assert FILE.text in file.stdout
    assert (len(file.stderr.splitlines()), WORD in file.stderr) == (1, True)
    assert other.stderr == at_work.stderr == ""
    assert AT_WORK.text in at_work.stdout
    assert AT_WORK.version in at_work.stdout


@pytest.mark.parametrize(("option", "is_told"), [([], True), (["--at-work"], False)])
async def test_seeds_are_compared_with_a_word_as_well(beside_database: Shell, option: list[str], is_told: bool) -> None:
    result = await beside_database.type("compare", "small-talk-en", "isp-support-en", *option, "--held-out", "none")

    assert (WORD in result.stderr) is is_told


async def test_beside_no_database_everything_is_as_ever_and_none_is_made(shell: Shell) -> None:
    listed, shown = await shell.type("list"), await shell.type("show", "small-talk-en")

    assert FILE.text in shown.stdout
    assert "at work" not in listed.stdout
    assert listed.stderr == shown.stderr == ""
    assert not shell.data.exists()


async def test_a_database_that_does_not_answer_is_not_waited_for(shell: Shell) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        shell.env["GOVORUN_DATABASE_URL"] = f"postgresql://me@127.0.0.1:{silent.getsockname()[1]}/log"

        async with asyncio.timeout(4.5):  # It would be given up after 5 s.
            result = await shell.type("show", "small-talk-en")

    assert FILE.text in result.stdout
    assert (result.exit_code, result.stderr) == (0, "")
