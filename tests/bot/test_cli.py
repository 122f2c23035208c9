from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from bot.settings import names


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A folder whose path is short enough for a socket."""
    with tempfile.TemporaryDirectory(prefix="gv-") as folder:
        yield Path(folder) / "data"


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


@pytest.fixture
def env(data_dir: Path) -> dict[str, str]:
    """An environment that finds no settings but these; the echo engine stands in for the model."""
    inherited = {name: value for name, value in os.environ.items() if name not in names()}
    return {**inherited, "GOVORUN_DATA_DIR": str(data_dir), "GOVORUN_MODEL": "echo"}


class Ended:
    """What a command that has ended left behind."""

    def __init__(self, code: int, out: bytes, err: bytes) -> None:
        self.code, self.out, self.err = code, out.decode(), err.decode()


async def started(env: dict[str, str], *arguments: str) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    command = (sys.executable, "-m", "bot.cli", *arguments)
    return await asyncio.create_subprocess_exec(
        *command, env=env, stdin=asyncio.subprocess.DEVNULL, stdout=pipe, stderr=pipe
    )


async def ended(env: dict[str, str], *arguments: str) -> Ended:
    process = await started(env, *arguments)
    out, err = await process.communicate()
    assert process.returncode is not None
    return Ended(process.returncode, out, err)


@asynccontextmanager
async def up(env: dict[str, str], port: int) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await started(env, "up", "--port", str(port))
    assert process.stdout is not None
    try:
        async with asyncio.timeout(60):
            while b"nothing is lost" not in await process.stdout.readline():
                assert process.returncode is None
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def test_help_names_every_command(env: dict[str, str]) -> None:
    result = await ended(env, "--help")

    assert result.code == 0
    for command in ("up", "chat", "bot", "worker", "web", "seeds", "doctor"):
        assert f"│ {command} " in result.out


async def test_version_is_printed(env: dict[str, str]) -> None:
    assert (await ended(env, "--version")).out.startswith("govorun ")


@pytest.mark.parametrize("command", ["up", "worker", "web", "bot", "chat", "doctor"])
async def test_a_wrong_setting_is_one_line_and_exit_code_2(env: dict[str, str], command: str) -> None:
    result = await ended({**env, "GOVORUN_WEB_PROT": "8080"}, command)

    assert result.code == 2
    assert result.err.splitlines() == [
        "Error: GOVORUN_WEB_PROT is not a setting; did you mean GOVORUN_WEB_PORT? All of them are in docs/settings.md"
    ]


async def test_an_unknown_seed_is_one_line_and_exit_code_2(env: dict[str, str]) -> None:
    result = await ended(env, "seeds", "show", "small-talk")

    assert result.code == 2
    assert result.err.startswith('Error: there is no seed "small-talk"; did you mean')
    assert len(result.err.splitlines()) == 1


async def test_the_bot_says_that_it_needs_a_token(env: dict[str, str]) -> None:
    result = await ended(env, "bot")

    assert result.code == 2
    assert "@BotFather" in result.err


async def test_the_seeds_are_listed_and_shown(env: dict[str, str]) -> None:
    listed, shown, vote = await asyncio.gather(
        ended(env, "seeds", "list"),
        ended(env, "seeds", "show", "small-talk-en"),
        ended(env, "seeds", "show", "music-en"),
    )

    assert [line.split()[:3] for line in listed.out.splitlines() if "code-answers-json" in line] == [
        ["code-answers-json-en", "json", "en"]
    ]
    assert "User2:" in shown.out
    assert 'template: Who listens to {input} will also like\nopening: "\nvariants: 16\n' in vote.out


async def test_lint_finds_the_projects_own_seeds_in_order(env: dict[str, str]) -> None:
    result = await ended(env, "seeds", "lint")

    assert (result.code, result.err) == (0, "")
    assert "isp-support-en" in result.out


async def test_lint_names_file_key_and_reason(env: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text('name = "good"\nlanguage = "fr"\n')

    result = await ended(env, "seeds", "lint", str(tmp_path))

    assert result.code == 1
    assert "bad.toml: language: " in result.out


async def test_doctor_finds_nothing_wrong_with_the_defaults(env: dict[str, str]) -> None:
    result = await ended(env, "doctor")

    assert result.code == 0, result.out
    for part in ("data", "memory", "Redis", "SQL", "device", "model", "Telegram"):
        assert part in result.out


async def test_doctor_says_how_to_mend_and_shows_no_secret(env: dict[str, str]) -> None:
    broken = {
        "GOVORUN_REDIS_URL": "redis://:a-secret-password@127.0.0.1:9",
        "GOVORUN_DATABASE_URL": "postgresql://me:a-secret-password@127.0.0.1:9/log",
        "GOVORUN_TELEGRAM_TOKEN": "123456:a-secret-token",
        "GOVORUN_TELEGRAM_API_URL": "http://127.0.0.1:9",
        "GOVORUN_LOG_LEVEL": "DEBUG",
        "COLUMNS": "300",
    }

    result = await ended({**env, **broken}, "doctor")

    assert result.code == 1
    assert result.out.count(" fail ") == 3
    for name in ("GOVORUN_REDIS_URL", "GOVORUN_DATABASE_URL", "GOVORUN_TELEGRAM_API_URL"):
        assert name in result.out
    assert "secret" not in result.out + result.err


async def test_one_reply_is_printed_and_nothing_else(env: dict[str, str]) -> None:
    result = await ended(env, "chat", "--seed", "small-talk-en", "--once", "hello")

    assert result.code == 0
    assert "hello" in result.out
    assert len(result.out.splitlines()) == 1


async def test_everything_starts_answers_and_stops_with_one_command(env: dict[str, str], port: int) -> None:
    async with up(env, port) as process, httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as web:
        health = await web.get("/healthz")
        reply = await ended(env, "chat", "--once", "hello")

        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(20):
            code = await process.wait()

    assert health.status_code == 200
    assert "hello" in reply.out
    assert code == 0


async def test_a_second_start_on_the_same_data_is_refused(env: dict[str, str], port: int) -> None:
    async with up(env, port) as process:
        second = await ended(env, "up")

    assert second.code == 2
    assert f"process {process.pid}" in second.err
    assert "GOVORUN_DATA_DIR" in second.err


async def test_a_port_that_is_taken_is_named_with_the_way_out(env: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        taken = listening.getsockname()[1]

        result = await ended(env, "up", "--port", str(taken))

    assert result.code == 2
    assert f"127.0.0.1:{taken}" in result.err
    assert "--port or GOVORUN_WEB_PORT" in result.err
