"""A process that is kept running: started, listened to, started again when it dies, stopped in time."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

logger = logging.getLogger(__name__)

MISCONFIGURED = 2
"""The exit code of a process that will fail in the same way again, until somebody mends a setting."""

_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 30.0

# Who has lived that long died of something new.
_WELL_AFTER_S = 60.0

Hear = Callable[[Mapping[str, str]], None]
"""Takes what the process tells of itself: the fields of `bot.running.notifying`."""


class Child:
    """A process and its successors.

    Args:
        env: the environment that they get, to which `NOTIFY_SOCKET` is added.
        folder: where the socket is made on which they are heard; its path must be short.
        ended: called with the process id of each that has ended.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        env: Mapping[str, str],
        folder: Path,
        hear: Hear = lambda fields: None,
        ended: Callable[[int], None] = lambda pid: None,
    ) -> None:
        self.name = name
        self.ready = asyncio.Event()
        self._command = command
        self._socket = folder / name
        self._env = {**env, "NOTIFY_SOCKET": str(self._socket)}
        self._hear = hear
        self._ended = ended
        self._stopping = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None

    async def keep_running(self) -> int:
        """Run the command, again and again, until it is stopped or MISCONFIGURED; return the last exit code."""
        clock = asyncio.get_running_loop().time
        pause_s = _FIRST_PAUSE_S
        async with self._heard():
            while True:
                started_at = clock()
                code = await self._run_once()
                if self._stopping.is_set() or code == MISCONFIGURED:
                    return code
                if clock() - started_at > _WELL_AFTER_S:
                    pause_s = _FIRST_PAUSE_S
                logger.warning("%s ended (%s) and is started again in %.1f s", self.name, _reason(code), pause_s)
                if await _is_set_within(self._stopping, pause_s):
                    return code
                pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)

    async def stop(self, grace_s: float) -> None:
        """Ask the process to end, make it end after `grace_s`, and start no other."""
        self._stopping.set()
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            async with asyncio.timeout(grace_s):
                await process.wait()
        except TimeoutError:
            logger.warning("%s did not end within %.1f s and is killed", self.name, grace_s)
            self.kill()
            await process.wait()

    def kill(self) -> None:
        """End the process at once, and start no other."""
        self._stopping.set()
        if self._process is not None and self._process.returncode is None:
            self._process.kill()

    async def _run_once(self) -> int:
        # Ctrl-C is for the parent, who ends its children in order: they get a session of their own. They hold the other
        # end of this pipe, and so learn of the parent's death however it dies.
        self._process = await asyncio.create_subprocess_exec(
            *self._command, env=self._env, stdin=asyncio.subprocess.PIPE, start_new_session=True
        )
        try:
            if self._stopping.is_set():
                # Somebody said so while it was being started, when there was nothing to stop yet.
                self._process.kill()
            code = await self._process.wait()
        finally:
            if self._process.returncode is None:
                self._process.kill()
        self._ended(self._process.pid)
        return code

    @asynccontextmanager
    async def _heard(self) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(
            lambda: _Ear(self._take), local_addr=str(self._socket), family=socket.AF_UNIX
        )
        try:
            yield
        finally:
            transport.close()
            self._socket.unlink()

    def _take(self, fields: Mapping[str, str]) -> None:
        if fields.get("READY") == "1":
            self.ready.set()
        self._hear(fields)


class _Ear(asyncio.DatagramProtocol):
    def __init__(self, take: Hear) -> None:
        self._take = take

    def datagram_received(self, data: bytes, addr: object) -> None:
        lines = (line.partition("=") for line in data.decode(errors="replace").splitlines())
        self._take({name: value for name, _, value in lines})


def _reason(code: int) -> str:
    return f"exit code {code}" if code >= 0 else signal.Signals(-code).name


async def _is_set_within(event: asyncio.Event, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            return await event.wait()
    except TimeoutError:
        return False
