"""Processes that a benchmark starts, waits for and stops."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx

from benchmarks.results import ROOT

# Far more than a start or a stop takes, even on a busy machine.
_PATIENCE_S = 120.0


@asynccontextmanager
async def module(
    *command: str, log: Path, env: Mapping[str, str] | None = None, until: str = ""
) -> AsyncIterator[tuple[int, str]]:
    """Run `python -m ...` until the block is left; yields its id and the first line that it prints with `until` in it.

    Args:
        log: the file that its standard error is added to.
        env: the GOVORUN_* settings; whatever the environment holds of these is left out.

    Raises:
        RuntimeError: it ended instead.
    """
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GOVORUN_")}
    with log.open("ab") as errors:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", *command),
            cwd=ROOT,
            env={**inherited, **(env or {})},
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
        )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(_PATIENCE_S):
            line = await _line_with(until, process.stdout)
        if not line:
            raise RuntimeError(f"{' '.join(command)} did not start; its log:\n{log.read_text('utf-8')}")
        yield process.pid, line
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


async def _line_with(text: str, output: asyncio.StreamReader) -> str:
    async for line in output:
        if text in line.decode():
            return line.decode().strip()
    return ""


@contextmanager
def scratch() -> Iterator[Path]:
    """Make a folder on the disk that data is kept on; the one for temporary files may be in memory."""
    (ROOT / "data").mkdir(mode=0o700, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="benchmark-", dir=ROOT / "data", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


class Control:
    """The control interface of a server that is described in `tests.telegram_server`."""

    def __init__(self, url: str, client: httpx.AsyncClient) -> None:
        self.url = url
        self._client = client

    async def __call__(self, method: str, **arguments: Any) -> Any:
        """Call a method of the server."""
        response = await self._client.post(f"{self.url}/control/{method}", json=arguments)
        return response.raise_for_status().json()


@asynccontextmanager
async def telegram(name: str, log: Path) -> AsyncIterator[Control]:
    """Run `benchmarks.crowd` or `tests.telegram_server`."""
    async with (
        module(name, log=log) as (_, line),
        httpx.AsyncClient(trust_env=False, timeout=_PATIENCE_S) as client,
    ):
        yield Control(json.loads(line)["url"], client)
