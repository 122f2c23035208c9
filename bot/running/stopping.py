"""How a process learns that it is to stop."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

# A signal may come twice at once: to the process and to its group, or from `make` and from its own sender.
_SAME_SIGNAL_S = 0.5


@asynccontextmanager
async def told_to_stop(again: Callable[[], object] | None = None) -> AsyncIterator[asyncio.Event]:
    """Give an event that Ctrl-C, SIGTERM or the closed terminal sets.

    Args:
        again: called when it is said once more; without it that has its usual effect: the process ends at once.
    """
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    told_at = 0.0

    def told() -> None:
        nonlocal told_at
        if not stopping.is_set():
            told_at = loop.time()
            stopping.set()
            if again is None:
                loop.call_later(_SAME_SIGNAL_S, restore)
        elif again is not None and loop.time() - told_at > _SAME_SIGNAL_S:
            again()

    def restore() -> None:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)

    for number in _SIGNALS:
        loop.add_signal_handler(number, told)
    try:
        yield stopping
    finally:
        restore()


@asynccontextmanager
async def end_of_input(stopping: asyncio.Event) -> AsyncIterator[None]:
    """Set the event when the standard input ends: the process that holds its other end is gone, killed perhaps."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)

    async def watch() -> None:
        await reader.read()
        stopping.set()

    task = asyncio.create_task(watch(), name="end of input")
    try:
        yield
    finally:
        task.cancel()
        transport.close()
