"""A completions server that echoes, and breaks on demand in every way a network and a server can."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Fault(StrEnum):
    """How a call goes wrong; NONE is the call that goes right."""

    NONE = "none"
    STATUS_500 = "500"
    HANG = "hang"
    HANG_MIDWAY = "hang midway"
    TRUNCATED = "truncated"
    GARBAGE = "garbage"
    RESET = "reset"
    ERROR_EVENT = "error event"
    WRONG_KEY = "wrong key"
    TOO_LONG = "too long"
    TOO_MANY = "too many"


FAULTS = (
    Fault.STATUS_500,
    Fault.HANG,
    Fault.HANG_MIDWAY,
    Fault.TRUNCATED,
    Fault.GARBAGE,
    Fault.RESET,
    Fault.ERROR_EVENT,
)


def reply(prompt: str) -> list[str]:
    """Return what the server writes behind the prompt, word by word."""
    return [" You", " said", f" {prompt.splitlines()[-2]}", ".", "\nUs", "er1: and", " more"]


@dataclass
class CompletionsServer:
    """What it was asked, and how it is to answer.

    Args:
        fault: chooses what goes wrong with the next call for a completion.
        keeps_stops_back: end at a stop string and leave it out, as OpenAI and vLLM do, or know of no stop strings.
        logprobs: what is sent beside each word, for some servers tell how likely it was.
    """

    fault: Callable[[], Fault] = lambda: Fault.NONE
    keeps_stops_back: bool = False
    logprobs: Iterator[Any] = field(default_factory=lambda: itertools.repeat(None))
    models: list[dict[str, Any]] = field(default_factory=lambda: [{"id": "big-model", "max_model_len": 4096}])
    bodies: list[dict[str, Any]] = field(default_factory=list)
    headers: list[str] = field(default_factory=list)
    url: str = ""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            self.headers.append(head)
            if head.startswith("GET"):
                _send(writer, 200, json.dumps({"data": self.models}).encode())
            else:
                length = int(head.lower().partition("content-length:")[2].split()[0])
                body = json.loads(await reader.readexactly(length))
                self.bodies.append(body)
                await self._complete(body, writer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # The caller hung up, as it may.
        finally:
            writer.close()

    async def _complete(self, body: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        fault = self.fault()
        if fault is Fault.RESET:
            writer.transport.abort()
        elif fault is Fault.HANG:
            await asyncio.Event().wait()
        elif fault is Fault.STATUS_500:
            _send(writer, 500, b"oops")
        elif fault is Fault.TOO_MANY:
            _send(writer, 429, b"{}")
        elif fault is Fault.WRONG_KEY:
            _send(writer, 401, b'{"error": {"message": "wrong key"}}')
        elif fault is Fault.TOO_LONG:
            _send(writer, 400, b'{"error": {"message": "This model\'s maximum context length is 2048 tokens."}}')
        else:
            await self._stream(body, writer, fault)

    async def _stream(self, body: dict[str, Any], writer: asyncio.StreamWriter, fault: Fault) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        words = reply(body["prompt"])
        finish: dict[str, Any] = {"finish_reason": "length"}
        if self.keeps_stops_back:
            words, finish = words[:4], {"finish_reason": "stop", "stop_reason": body["stop"][0]}
        for word in words[:2]:
            await _event(writer, self._word(word))
        if fault is Fault.TRUNCATED:
            return
        if fault is Fault.HANG_MIDWAY:
            await asyncio.Event().wait()
        if fault is Fault.GARBAGE:
            await _event(writer, "{not json")
        if fault is Fault.ERROR_EVENT:
            await _event(writer, {"error": {"message": "CUDA out of memory"}})
        for word in words[2:]:
            await _event(writer, self._word(word))
        await _event(writer, {"choices": [{"text": "", **finish}]})
        await _event(writer, {"choices": [], "usage": {"prompt_tokens": 11, "completion_tokens": 7}})
        await _event(writer, "[DONE]")
        writer.write(b"0\r\n\r\n")

    def _word(self, word: str) -> dict[str, Any]:
        return {"choices": [{"text": word, "finish_reason": None, "logprobs": next(self.logprobs)}]}


@asynccontextmanager
async def completions_server(server: CompletionsServer) -> AsyncIterator[CompletionsServer]:
    """Serve on a free port of the loopback; its address is `server.url`."""
    calls: set[asyncio.Task[None]] = set()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(server.answer(reader, writer))
        calls.add(task)
        task.add_done_callback(calls.discard)

    listening = await asyncio.start_server(answer, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1"
    try:
        yield server
    finally:
        listening.close()
        for task in list(calls):
            task.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        await listening.wait_closed()


def _send(writer: asyncio.StreamWriter, status: int, body: bytes) -> None:
    writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)


async def _event(writer: asyncio.StreamWriter, event: dict[str, Any] | str) -> None:
    data = f"data: {event if isinstance(event, str) else json.dumps(event)}\n\n".encode()
    writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
    await writer.drain()
