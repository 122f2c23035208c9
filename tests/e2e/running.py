"""`govorun up` as a user starts it, with its own data directory and port."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from tests.telegram_server import TOKEN

ROOT = Path(__file__).parents[2]
_WAIT_S = 120.0


@dataclass
class Govorun:
    """A running `govorun up`.

    Args:
        url: its chat page.
        output: what it printed and logged so far, filled in when it has ended.
    """

    url: str
    process: asyncio.subprocess.Process
    output: str = ""


def settings(data_dir: Path, port: int, others: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return an environment with these settings and no others."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("GOVORUN_", "PROMETHEUS_"))}
    return {**clean, "GOVORUN_DATA_DIR": str(data_dir), "GOVORUN_WEB_PORT": str(port), **(others or {})}


def telegram_settings(api_url: str) -> dict[str, str]:
    """Return the settings for a bot on another Bot API server than Telegram's."""
    return {"GOVORUN_TELEGRAM_TOKEN": TOKEN, "GOVORUN_TELEGRAM_API_URL": api_url}


def free_port() -> int:
    """Return a port that nobody uses at the moment."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


@asynccontextmanager
async def govorun_up(data_dir: Path, others: Mapping[str, str], port: int | None = None) -> AsyncIterator[Govorun]:
    """Run `govorun up` until the block is left, then stop it with SIGTERM; it must end well."""
    port = port or free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bot.cli",
        "up",
        cwd=ROOT,
        env=settings(data_dir, port, others),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    running = Govorun(f"http://127.0.0.1:{port}", process)
    assert process.stdout is not None
    reading = asyncio.create_task(process.stdout.read())
    try:
        await _until_healthy(running, reading)
        yield running
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(_WAIT_S):
            running.output = (await reading).decode()
            await process.wait()
    assert process.returncode == 0, running.output


async def _until_healthy(running: Govorun, reading: asyncio.Task[bytes]) -> None:
    async with asyncio.timeout(_WAIT_S), aiohttp.ClientSession() as session:
        while True:
            assert not reading.done(), reading.result().decode()
            try:
                async with session.get(f"{running.url}/healthz") as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientConnectionError:
                pass  # not yet
            await asyncio.sleep(0.1)
