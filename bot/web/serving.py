"""Serves the application on a socket, and stops without cutting anybody off or waiting for open pages."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

import uvicorn
from starlette.types import ASGIApp

from dialogue.errors import SettingsError

# An answer takes milliseconds once the pages' streams have ended; longer than this, and something hangs.
_LAST_ANSWERS_S = 3


def listening_socket(host: str, port: int) -> socket.socket:
    """Open the server's socket, any free port for 0.

    Raises:
        SettingsError: the address does not exist here, or is taken.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server((str(address[0]), port), family=family)
    except OSError as error:
        raise SettingsError(
            f"the web page cannot be served at {host}:{port}: {error.strerror or error}; "
            "set GOVORUN_WEB_HOST and GOVORUN_WEB_PORT to an address of this machine and a free port"
        ) from error


class Streams(Protocol):
    """Answers that never end by themselves."""

    def close(self) -> None:
        """End them, and begin no more."""


async def serve(app: ASGIApp, streams: Sequence[Streams], listening: socket.socket, stopping: asyncio.Event) -> None:
    """Answer requests until `stopping` is set, then end the open streams and finish what was begun."""
    config = uvicorn.Config(
        app,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_LAST_ANSWERS_S,
    )
    server = _Server(config)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(server.serve(sockets=[listening]), name="web server")
        await stopping.wait()
        for each in streams:
            each.close()
        server.should_exit = True


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the process: it has more to stop than this server."""
        yield
