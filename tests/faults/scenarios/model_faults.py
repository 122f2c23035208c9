"""G16: whatever a remote model server does, a message gets one reply or one apology."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from random import Random

from aiohttp import web

from bot.texts import text
from dialogue.turns import Outcome
from tests.faults.checking import judged
from tests.faults.load import Said, Size
from tests.faults.processes import PATIENCE_S
from tests.faults.result import Result
from tests.faults.rig import Rig, rig

_FAULTS = ("error", "hang", "cut", "garbage", "reset")
_SHARE = 0.2
_SORRY = {text(f"outcome_{Outcome.ENGINE_DOWN.value}", language) for language in ("ru", "en")}


async def model_faults(size: Size) -> Result:
    """Let a fifth of all calls to the model server fail in one of five ways."""
    async with rig(size) as built, _model_server(Random(size.seed)) as (url, struck):
        built.settings["GOVORUN_MODEL"] = url
        await built.start_all("bot", "worker")
        load = built.load()
        people = range(1, size.chats + 1)
        apologised: set[str] = set()
        for _ in range(max(3, size.messages // 2)):
            apologised |= await _until_answered_or_apologised(built, await load.say(people))
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(struck.items()))
        note = f"{kinds}; {len(apologised)} apologies"
        return await judged(built, "G16", load.said, struck.total(), excused=apologised, note=note)


async def _until_answered_or_apologised(built: Rig, said: list[Said]) -> set[str]:
    """Wait until each chat got its reply or one more apology; return the nonces of those that got an apology."""
    before = {each.chat_id: _apologies(built, each.chat_id) for each in said}
    async with asyncio.timeout(PATIENCE_S):
        while waiting := [
            each
            for each in said
            if built.received.answered_at(each.nonce) is None
            and _apologies(built, each.chat_id) == before[each.chat_id]
        ]:
            await built.received.update(wait_s=0.5)
    assert not waiting
    return {each.nonce for each in said if built.received.answered_at(each.nonce) is None}


def _apologies(built: Rig, chat_id: int) -> int:
    return sum(each.text in _SORRY for each in built.received.in_chat(chat_id))


@asynccontextmanager
async def _model_server(random: Random) -> AsyncIterator[tuple[str, Counter[str]]]:
    """Serve the completions API, badly; yields its address and how often it did what."""
    struck: Counter[str] = Counter()

    async def models(request: web.Request) -> web.Response:
        return web.json_response({"data": [{"id": "echo", "max_model_len": 2048}]})

    async def completions(request: web.Request) -> web.StreamResponse:
        prompt: str = (await request.json())["prompt"]
        reply = " echo: " + prompt.rpartition("\nUser1:")[2].partition("\n")[0].strip()
        fault = random.choice(_FAULTS) if random.random() < _SHARE else ""
        if fault:
            struck[fault] += 1
        if fault == "error":
            raise web.HTTPInternalServerError
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        # The worker may stop listening in the middle.
        with suppress(ConnectionResetError):
            await response.prepare(request)
            await _write(response, reply, fault)
        if fault == "reset" and request.transport is not None:
            request.transport.abort()
        return response

    app = web.Application()
    app.add_routes([web.get("/v1/models", models), web.post("/v1/completions", completions)])
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}/v1", struck
    finally:
        await runner.cleanup()


async def _write(response: web.StreamResponse, reply: str, fault: str) -> None:
    half = len(reply) // 2
    await response.write(_event(reply[:half]))
    if fault == "hang":
        await asyncio.sleep(PATIENCE_S)
    if fault == "garbage":
        await response.write(b"data: {half a sent\n\n")
    if fault not in ("cut", "reset"):
        await response.write(_event(reply[half:], "stop"))
        await response.write(b"data: [DONE]\n\n")


def _event(words: str, finish: str | None = None) -> bytes:
    return b"data: " + json.dumps({"choices": [{"text": words, "finish_reason": finish}]}).encode() + b"\n\n"
