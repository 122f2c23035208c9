"""Processes of the operating system that are struck, and started again as a service manager would."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

PATIENCE_S = 60.0
"""After that a wait has failed: far more than anything takes, even on a busy machine."""

# Ends that were meant: by the rig, by a failpoint, by a poisonous message.
_VIOLENT = (-signal.SIGKILL, -signal.SIGSEGV)
_PAUSE_AFTER_CRASH_S = 0.5


class Service:
    """A process and its successors.

    Args:
        commands: what follows `python` at each start; the last of them again and again.
        log: the file that the standard error goes to.
    """

    def __init__(self, name: str, commands: Sequence[Sequence[str]], env: Mapping[str, str], log: Path) -> None:
        self.name = name
        self.log = log
        self.deaths: list[float] = []
        self.crashes: list[str] = []
        self.lines: list[str] = []
        self.starts = 0  # how often it was ready
        self._commands = list(commands)
        self._env = dict(env)
        self._process: asyncio.subprocess.Process | None = None
        self._news = asyncio.Condition()
        self._is_stopping = False
        self._is_ready = False
        self._keeper: asyncio.Task[None] | None = None

    @property
    def is_running(self) -> bool:
        """Whether there is a process at the moment."""
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Start the process and wait until it is ready, or was struck before that."""
        self._is_stopping = False
        starts, deaths = self.starts, len(self.deaths)
        self._keeper = asyncio.create_task(self._keep(), name=self.name)
        await self.until(lambda: self.starts > starts or len(self.deaths) > deaths)

    async def stop(self) -> float:
        """Ask the process to end and wait for it; return how many seconds it took."""
        self._is_stopping = True
        began = time.monotonic()
        if self.is_running:
            self.signal(signal.SIGTERM)
            self.signal(signal.SIGCONT)
        if self._keeper is not None:
            try:
                async with asyncio.timeout(PATIENCE_S):
                    await asyncio.shield(self._keeper)
            except TimeoutError:
                self.crashes.append(f"{self.name} did not end")
                self.kill()
                await self._keeper
        return time.monotonic() - began

    async def restart(self) -> float:
        """Stop and start, as for a new version; return how many seconds the old process took to end."""
        took_s = await self.stop()
        await self.start()
        return took_s

    def kill(self) -> bool:
        """End the process at once; say whether there was one."""
        return self.signal(signal.SIGKILL)

    def signal(self, number: signal.Signals) -> bool:
        """Send a signal; say whether there was a process to take it."""
        if not self.is_running:
            return False
        assert self._process is not None
        with suppress(ProcessLookupError):
            os.kill(self._process.pid, number)
        return True

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds; it is looked at whenever a process printed a line or ended."""
        async with asyncio.timeout(PATIENCE_S), self._news:
            await self._news.wait_for(holds)

    async def _keep(self) -> None:
        while not self._is_stopping:
            command = self._commands.pop(0) if len(self._commands) > 1 else self._commands[0]
            code = await self._run(command)
            # Who was not ready yet knows no other way to obey SIGTERM than to die of it.
            if self._was_told_to_stop() and (code == 0 or (code == -signal.SIGTERM and not self._is_ready)):
                break
            if code in _VIOLENT:
                self.deaths.append(time.time())
            else:
                self.crashes.append(f"{self.name} ended with {code}")
                await asyncio.sleep(_PAUSE_AFTER_CRASH_S)
            await self._tell()

    def _was_told_to_stop(self) -> bool:
        return self._is_stopping

    async def _run(self, command: Sequence[str]) -> int:
        self._is_ready = False
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, *command, env=self._env, cwd=self.log.parent, stdout=asyncio.subprocess.PIPE, stderr=log
            )
        assert self._process.stdout is not None
        try:
            async for line in self._process.stdout:
                self.lines.append(line.decode().rstrip())
                if "ready" in self.lines[-1].split():
                    self._is_ready = True
                    self.starts += 1
                await self._tell()
            return await self._process.wait()
        finally:
            self.kill()

    async def _tell(self) -> None:
        async with self._news:
            self._news.notify_all()
