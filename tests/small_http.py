"""HTTP/1.1 in a hundred lines for fakes: fast, loopback only, bodies as forms, JSON or multipart."""

from __future__ import annotations

import asyncio
import contextlib
import email.parser
import email.policy
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit


@dataclass(frozen=True, slots=True)
class Request:
    """A request: its decoded path, and its parameters from query and body."""

    path: str
    params: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and a JSON body."""

    status: int
    body: Any


class Dropped(Exception):
    """The connection is to be closed without an answer."""


PLAIN = frozenset({"text", "caption", "url", "secret_token", "callback_query_id"})
Handler = Callable[[Request], Awaitable[Answer]]


@contextlib.asynccontextmanager
async def serve(handler: Handler, port: int = 0) -> AsyncIterator[str]:
    """Answer requests on the loopback with `handler`; yields the base URL."""
    connections: set[Connection] = set()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(handler, connections), "127.0.0.1", port, backlog=1024)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await asyncio.gather(*(connection.close() for connection in list(connections)))
        await server.wait_closed()


class Connection(asyncio.Protocol):
    """One kept-alive connection, whose requests are answered one after the other."""

    def __init__(self, handler: Handler, connections: set[Connection]) -> None:
        self._handler, self._connections = handler, connections
        self._received = bytearray()
        self._answering: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._connections.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._connections.discard(self)
        if self._answering is not None:
            self._answering.cancel()

    def data_received(self, data: bytes) -> None:
        self._received += data
        self._next()

    async def close(self) -> None:
        self._transport.abort()
        if self._answering is not None:
            self._answering.cancel()
            await asyncio.gather(self._answering, return_exceptions=True)

    def _next(self) -> None:
        if self._answering is not None:
            return
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return
        line, *lines = bytes(self._received[:end]).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (header.partition(":") for header in lines)}
        length = int(headers.get("content-length", "0"))
        if len(self._received) < end + 4 + length:
            return
        body = bytes(self._received[end + 4 : end + 4 + length])
        del self._received[: end + 4 + length]
        target = urlsplit(line.split(" ")[1])
        params = _form(target.query) | _params(headers.get("content-type", ""), body)
        self._answering = asyncio.create_task(self._answer(Request(unquote(target.path), params)))

    async def _answer(self, request: Request) -> None:
        try:
            answer = await self._handler(request)
        except Dropped:
            self._transport.abort()
            return
        body = json.dumps(answer.body).encode()
        head = f"HTTP/1.1 {answer.status} X\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        self._transport.write(head.encode() + body)
        self._answering = None
        self._next()


def _params(content_type: str, body: bytes) -> dict[str, Any]:
    if content_type.startswith("application/json"):
        return dict(json.loads(body or b"{}"))
    if content_type.startswith("multipart/form-data"):
        return _multipart(content_type, body)
    return _form(body.decode())


def _form(text: str) -> dict[str, Any]:
    return {name: _value(name, value) for name, value in parse_qsl(text, keep_blank_values=True)}


def _multipart(content_type: str, body: bytes) -> dict[str, Any]:
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
    params: dict[str, Any] = {}
    for part in message.iter_parts():
        name = str(part.get_param("name", header="content-disposition"))
        content = bytes(part.get_payload(decode=True)).decode()
        is_file = part.get_filename() is not None
        params[name] = {"file": part.get_filename(), "content": content} if is_file else _value(name, content)
    return params


def _value(name: str, text: str) -> Any:
    # The Bot API takes numbers, lists and objects as JSON inside a form, but what somebody wrote is never read so.
    if name not in PLAIN and (text[:1] in "[{" or text in ("true", "false") or text.lstrip("-").isdigit()):
        with contextlib.suppress(ValueError):
            return json.loads(text)
    return text
