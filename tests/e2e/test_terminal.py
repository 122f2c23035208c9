"""`govorun chat`: lines from a pipe, and a person at a terminal."""

from __future__ import annotations

import asyncio
import os
import pty
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from dialogue.seeds import load_seeds
from tests.e2e.running import ROOT, free_port, govorun_up, settings

ECHO = {"GOVORUN_MODEL": "echo", "LANG": "en_GB.UTF-8"}
GREETING = load_seeds().get("isp-support-en").greeting
# Switches bracketed paste on; a prompt that ends is drawn once more before, and what is typed then may be lost.
NEXT_PROMPT = "\x1b[?2004h"
COMMAND = (sys.executable, "-m", "bot.cli", "chat", "--seed", "isp-support-en")


async def chat(data_dir: Path, lines: list[str]) -> str:
    """Type lines into `govorun chat` and return what it shows."""
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        cwd=ROOT,
        env=settings(data_dir, free_port(), {**ECHO, "COLUMNS": "200"}),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    shown, errors = await process.communicate("\n".join([*lines, ""]).encode())
    assert process.returncode == 0, errors.decode()
    return shown.decode()


async def test_every_command_does_what_it_says(tmp_path: Path) -> None:
    shown = await chat(
        tmp_path,
        [
            "no internet here",
            "/retry",
            "/undo",
            "/undo",
            "/cancel",
            "/settings length short",
            "/settings length endless",
            "/seed small-talk-en",
            "/seed small-tolk-en",
            "/seed",
            "/human",
            "/privacy",
            "/help",
            "/nonsense",
            "x" * 3000,
            "/mydata",
            "/forget",
            "/quit",
            "never said",
        ],
    )

    for expected in (
        GREETING,
        "echo: no internet here",
        "I took the last exchange back",
        "There is nothing to take back yet.",
        "I am not writing anything right now.",
        "is not one of the choices",
        'did you mean "small-talk-en"?',
        "• small-talk-en",
        "No operator can come into a terminal",
        "I keep our messages",
        "/undo — take back the last exchange",
        "I do not know that command",
        "Too long: 3000 characters",
        '"is_dropped": true',
        "There is no way back.",
    ):
        assert expected in shown, expected
    assert "never said" not in shown


async def test_a_dialogue_goes_on_the_next_time(tmp_path: Path) -> None:
    await chat(tmp_path, ["remember me"])

    assert "echo: remember me" in await chat(tmp_path, ["/quit"])


async def test_forgetting_leaves_nothing_for_the_next_time(tmp_path: Path) -> None:
    user = next(line for line in (await chat(tmp_path, ["my secret", "/forget"])).splitlines() if "/forget" in line)
    await chat(tmp_path, [user[user.index("/forget") :].strip()])

    shown = await chat(tmp_path, ["/mydata", "/quit"])

    assert "my secret" not in shown


@pytest.mark.parametrize(("model", "code", "answer"), [("echo", 0, "echo: Hi\n"), ("http://127.0.0.1:9/v1", 1, "")])
async def test_once_prints_the_reply_alone_or_fails(tmp_path: Path, model: str, code: int, answer: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *[*COMMAND, "--once", "Hi"],
        cwd=ROOT,
        env=settings(tmp_path, free_port(), {"GOVORUN_MODEL": model}),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    shown, errors = await process.communicate()

    assert (process.returncode, shown.decode()) == (code, answer), errors.decode()


async def test_it_joins_a_running_server_and_shares_its_worker(tmp_path: Path) -> None:
    async with govorun_up(tmp_path, ECHO):
        shown = await chat(tmp_path, ["hello server"])

    assert "echo: hello server" in shown


class Screen:
    """What a person at a terminal sees and types."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self.shown = ""
        self._news = asyncio.Event()
        asyncio.get_running_loop().add_reader(fd, self._read)

    def _read(self) -> None:
        try:
            self.shown += os.read(self._fd, 65536).decode(errors="replace")
        except OSError:  # the other end is closed
            asyncio.get_running_loop().remove_reader(self._fd)
        self._news.set()

    async def until(self, text: str) -> None:
        """Wait for a text and forget what was shown before its end."""
        async with asyncio.timeout(30):
            while text not in self.shown:
                self._news.clear()
                await self._news.wait()
        self.shown = self.shown.partition(text)[2]

    def type(self, keys: str) -> None:
        os.write(self._fd, keys.encode())


@asynccontextmanager
async def at_a_terminal(data_dir: Path) -> AsyncIterator[tuple[Screen, asyncio.subprocess.Process]]:
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        cwd=ROOT,
        env=settings(data_dir, free_port(), {**ECHO, "TERM": "xterm", "COLUMNS": "100", "PROMPT_TOOLKIT_NO_CPR": "1"}),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    try:
        yield Screen(ours), process
    finally:
        asyncio.get_running_loop().remove_reader(ours)
        if process.returncode is None:
            process.kill()
            await process.wait()
        os.close(ours)


async def test_a_person_types_gets_an_answer_and_leaves_with_control_d(tmp_path: Path) -> None:
    async with at_a_terminal(tmp_path) as (screen, process):
        await screen.until(GREETING)
        await screen.until("›")
        screen.type("good evening\r")
        await screen.until("echo: good evening")
        await screen.until("›")
        screen.type("\x03")  # Ctrl-C at the prompt forgets the line, not the program
        await screen.until(NEXT_PROMPT)
        await screen.until("›")
        screen.type("\x04")
        async with asyncio.timeout(30):
            await process.wait()

    assert process.returncode == 0
    assert "Traceback" not in screen.shown
