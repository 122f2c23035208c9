"""The fake Bot API server as a process of its own, seen from a scenario."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from tests.telegram_server import TOKEN

__all__ = ["TOKEN", "Telegram", "telegram"]


class Telegram:
    """Calls the server's control interface."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self.url = url
        self._session = session

    async def __call__(self, name: str, /, **arguments: Any) -> Any:
        """Call a method of `FakeTelegram`."""
        async with self._session.post(f"{self.url}/control/{name}", json=arguments) as response:
            response.raise_for_status()
            return await response.json()


@asynccontextmanager
async def telegram(root: Path, *arguments: str) -> AsyncIterator[Telegram]:
    """Run the server."""
    command: Sequence[str] = [sys.executable, "-m", "tests.telegram_server", *arguments]
    process = await asyncio.create_subprocess_exec(*command, cwd=root, stdout=asyncio.subprocess.PIPE, env=os.environ)
    try:
        assert process.stdout is not None
        url = json.loads(await process.stdout.readline())["url"]
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as session:
            yield Telegram(url, session)
    finally:
        process.kill()
        await process.wait()
