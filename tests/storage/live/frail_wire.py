"""A Unix socket in front of a server that loses an answer on request."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path


class FrailWire:
    """Passes everything on, but on request closes the connection in place of an answer."""

    def __init__(self, server: Path) -> None:
        self._server = server
        self._fatal: bytes | None = None

    def lose_answer_with(self, content: bytes) -> None:
        """Lose the next answer that contains these bytes."""
        self._fatal = content

    @property
    def has_lost(self) -> bool:
        """Whether the answer was lost."""
        return self._fatal is None

    async def connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one client."""
        server_reader, server_writer = await asyncio.open_unix_connection(self._server)
        with suppress(OSError):
            await asyncio.gather(self._ask(reader, server_writer), self._answer(server_reader, writer))
        server_writer.close()
        writer.close()

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
        writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            if self._fatal is not None and self._fatal in data:
                self._fatal = None
                writer.transport.abort()
                return
            writer.write(data)
        writer.close()


@asynccontextmanager
async def frail_wire(server: Path, socket: Path) -> AsyncIterator[FrailWire]:
    """Listen on `socket` for what is meant for `server`."""
    wire = FrailWire(server)
    async with await asyncio.start_unix_server(wire.connect, socket):
        yield wire
