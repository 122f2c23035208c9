"""`govorun operators` as an administrator types it, on a database of its own."""

from __future__ import annotations

import asyncio
import os
import pty
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from bot.cli import app
from bot.operator_commands import LONGEST_NAME
from bot.review.passwords import Passwords
from bot.settings import names
from dialogue.errors import ReviewError
from storage.log.review.audit import COMMAND_LINE
from storage.log.sql_log import SqlLog, sql_log
from storage.operators import Operator, Role
from tests.bot.environment import forget_settings

PASSWORD = "correct horse battery"


class Shell:
    """Types commands. They run an event loop of their own, so they are typed in a thread."""

    def __init__(self, data_dir: Path) -> None:
        self.env = {name: value for name, value in os.environ.items() if name not in names()}
        self.env["GOVORUN_DATA_DIR"] = str(data_dir)
        self.url = f"sqlite:///{data_dir / 'govorun.db'}"

    async def run(self, *arguments: str, typed: str = "") -> Result:
        """Type a command whose standard input is no terminal."""
        return await asyncio.to_thread(CliRunner().invoke, app, ["operators", *arguments], input=typed, env=self.env)

    async def add(self, name: str, *arguments: str, password: str = PASSWORD) -> Result:
        return await self.run("add", name, *arguments, typed=f"{password}\n")

    @asynccontextmanager
    async def log(self) -> AsyncIterator[SqlLog]:
        async with sql_log(self.url) as log:
            yield log

    async def operators(self) -> list[Operator]:
        async with self.log() as log, log.reviewing() as reading:
            return await reading.operators()


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.chdir(tmp_path)
    forget_settings(monkeypatch)
    return Shell(tmp_path / "data")


def why_not(result: Result) -> str:
    """Return what the one line of the error says."""
    assert isinstance(result.exception, ReviewError), result.output
    return str(result.exception)


async def test_the_first_account_is_an_admins_and_the_next_a_reviewers(shell: Shell) -> None:
    first, second, third = await shell.add("Olga"), await shell.add("Max"), await shell.add("Ada", "--role", "lead")

    assert "Olga can log in now, as admin." in first.output
    assert "first account" in first.output
    assert "first account" not in second.output + third.output
    assert [(each.name, each.role) for each in await shell.operators()] == [
        ("Ada", Role.LEAD),
        ("Max", Role.REVIEWER),
        ("Olga", Role.ADMIN),
    ]


async def test_the_first_account_has_the_role_that_is_asked_for(shell: Shell) -> None:
    result = await shell.add("Olga", "--role", "reviewer")

    assert "as reviewer" in result.output
    assert "first account" not in result.output


async def test_a_scripts_password_is_the_first_line_of_its_input(shell: Shell) -> None:
    await shell.run("add", "Olga", typed=f"{PASSWORD}\r\nmore\n")

    async with shell.log() as log, log.reviewing() as reading:
        found = await reading.password_of("Olga")
    assert found is not None
    assert await Passwords().is_right(PASSWORD, found[1])


@pytest.mark.parametrize("password", ["", "eleven char"])
async def test_there_is_no_default_password_and_no_short_one(shell: Shell, password: str) -> None:
    refused = await shell.add("Olga", password=password)

    assert f"12 to 1024 characters, this one has {len(password)}" in why_not(refused)
    # Not even the database was made: there is nothing to log in to.
    assert not (Path(shell.env["GOVORUN_DATA_DIR"]) / "govorun.db").exists()


@pytest.mark.parametrize(
    "name",
    ["", " Olga", "Olga ", "Ol\nga", "Ol\u202ega", "\ud800", "x" * (LONGEST_NAME + 1), "me", "nobody", COMMAND_LINE],
)
async def test_a_name_that_would_mislead_is_refused(shell: Shell, name: str) -> None:
    assert "name" in why_not(await shell.add(name))


async def test_a_name_is_given_once(shell: Shell) -> None:
    await shell.add("Olga")

    assert "operators passwd Olga" in why_not(await shell.add("Olga"))


async def test_the_accounts_are_listed_with_their_sessions(shell: Shell) -> None:
    await shell.add("[red]Olga")
    (operator,) = await shell.operators()
    async with shell.log() as log, log.writing() as writing:
        await writing.open_session(operator, "a browser")

    listed = (await shell.run("list")).output

    since = datetime.fromtimestamp(operator.created_at).astimezone().strftime("%Y-%m-%d")
    head = ["name", "role", "active", "since", "sessions"]
    assert listed.split() == [*head, "[red]Olga", "admin", "yes", since, "1"]


async def test_a_closed_account_has_no_sessions_no_tokens_and_no_login_until_it_is_opened_again(shell: Shell) -> None:
    await shell.add("Olga")
    (operator,) = await shell.operators()
    async with shell.log() as log, log.writing() as writing:
        cookie, _ = await writing.open_session(operator, "a browser")
        token, _ = await writing.make_token(operator, "a program")

    await shell.run("disable", "Olga")
    async with shell.log() as log, log.reviewing() as reading:
        left = [await reading.session(cookie), await reading.operator_with(token), await reading.password_of("Olga")]
    await shell.run("enable", "Olga")
    async with shell.log() as log, log.reviewing() as reading:
        back = [await reading.session(cookie), await reading.operator_with(token)]
        may_log_in = await reading.password_of("Olga") is not None

    assert left == [None, None, None]
    assert (back, may_log_in) == ([None, None], True)


async def test_another_password_ends_what_the_old_one_opened(shell: Shell) -> None:
    await shell.add("Olga")
    (operator,) = await shell.operators()
    async with shell.log() as log, log.writing() as writing:
        cookie, _ = await writing.open_session(operator, "a browser")

    await shell.run("passwd", "Olga", typed="another good password\n")

    async with shell.log() as log, log.reviewing() as reading:
        found = await reading.password_of("Olga")
        assert await reading.session(cookie) is None
    assert found is not None
    assert await Passwords().is_right("another good password", found[1])
    assert not await Passwords().is_right(PASSWORD, found[1])


async def test_a_role_can_be_changed_to_one_of_the_three(shell: Shell) -> None:
    await shell.add("Olga")

    changed, unknown = await shell.run("role", "Olga", "lead"), await shell.run("role", "Olga", "boss")

    assert "lead" in changed.output
    assert unknown.exit_code == 2
    assert [each.role for each in await shell.operators()] == [Role.LEAD]


@pytest.mark.parametrize("command", [["disable"], ["enable"], ["passwd"], ["role", "lead"]])
async def test_an_account_that_does_not_exist_is_named(shell: Shell, command: list[str]) -> None:
    result = await shell.run(command[0], "Nobody", *command[1:], typed=f"{PASSWORD}\n")

    assert "no operator 'Nobody'" in why_not(result)


async def test_everything_is_in_the_audit_log_as_done_at_the_command_line(shell: Shell) -> None:
    await shell.add("Olga")
    await shell.run("role", "Olga", "lead")
    await shell.run("passwd", "Olga", typed="another good password\n")
    await shell.run("disable", "Olga")
    await shell.run("enable", "Olga")

    async with shell.log() as log, log.reviewing() as reading:
        deeds = await reading.deeds()
    assert {deed.operator for deed in deeds} == {COMMAND_LINE}
    assert [(deed.action, deed.after) for deed in reversed(deeds)] == [
        ("operator_added", "Olga: admin"),
        ("role_set", "Olga: lead"),
        ("password_set", "Olga"),
        ("operator_disabled", "Olga"),
        ("operator_enabled", "Olga"),
    ]


async def test_at_a_terminal_the_password_is_asked_for_twice_and_not_shown(shell: Shell) -> None:
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot.cli", "operators", "add", "Olga"),
        env=shell.env | {"PYTHONPATH": str(Path(__file__).parents[2])},
        stdin=theirs,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout is not None and process.stderr is not None
    async with asyncio.timeout(30):
        for question in (b"Password of Olga, at least 12 characters: ", b"Once more: "):
            assert (await process.stderr.readuntil(b": ")).lstrip() == question
            os.write(ours, f"{PASSWORD}\n".encode())
        assert b"Olga can log in now" in await process.stdout.read()
        await process.wait()
    # What the terminal has echoed; nothing is there to be read where it has not.
    os.set_blocking(ours, False)
    shown = b""
    with suppress(BlockingIOError):
        shown = os.read(ours, 1000)
    os.close(ours)
    os.close(theirs)

    assert shown == b""
    assert [each.name for each in await shell.operators()] == ["Olga"]


async def test_an_error_is_one_line(shell: Shell) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot.cli", "operators", "disable", "Olga"),
        env=shell.env | {"PYTHONPATH": str(Path(__file__).parents[2])},
        stdin=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, err = await process.communicate()

    assert process.returncode == 1
    assert err.decode() == "Error: there is no operator 'Olga'; govorun operators list shows all of them\n"
