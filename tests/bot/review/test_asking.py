"""What programs ask seeds through the API: answered as `govorun seeds try --json` answers, and kept nowhere."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from httpx import ASGITransport, AsyncClient

from bot.review.asking import CHANNEL
from bot.trying import Trial, as_object
from bot.web.app import web_app
from tests.bot.review.world import ORIGIN, SEEDS, SUPPORT, World
from tests.dialogue.kinds.conftest import CODE, FILM, MUSIC, OBJECT, WORD
from tests.fakes import ScriptedEngine

API = "/review/api"
WRITTEN: dict[str, list[str]] = {
    SUPPORT.name: [" Is the light on?\nUser1:"],
    FILM.name: ['Heat"'],
    MUSIC.name: ["Blur».\n"] * 9 + ["Pulp».\n"] * 7,
    CODE.name: [" Use reversed().\n\nQ:"],
    WORD.name: [" дом\n"],
    OBJECT.name: [' "print(1)", "lines": 1}\n'],
}


class Nobody:
    """Workers that are all gone."""

    async def living(self, kind: str) -> Sequence[str]:
        await asyncio.sleep(0)
        return []


async def until(is_true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not is_true():
            await asyncio.sleep(0.005)


async def erased(world: World) -> None:
    """Wait until Redis knows of no dialogue, no job and no reply."""
    streams = (world.keys.jobs, world.keys.replies(CHANNEL))
    async with asyncio.timeout(10):
        while True:
            names = [name async for name in world.redis.scan_iter(match=f"{world.keys.prefix}*:*")]
            kept = [name for name in names if "alive:" not in name and "replies:" not in name]
            if not kept and not any([await world.redis.xlen(name) for name in streams]):
                return
            await asyncio.sleep(0.01)


def elsewhere(world: World, **parts: Any) -> AsyncClient:
    """Return a client of the same review with other parts, without any of the world's sessions."""
    app = web_app(*replace(world.review, **parts).routers())
    return AsyncClient(transport=ASGITransport(app, raise_app_exceptions=False), base_url=ORIGIN)


async def test_seeds_are_shown_with_what_one_needs_to_ask_them(lead: AsyncClient) -> None:
    shown = (await lead.get(f"{API}/seeds")).json()
    assert [seed["name"] for seed in shown] == list(SEEDS.names)
    assert shown[SEEDS.names.index(SUPPORT.name)] == {
        "name": "support-en",
        "kind": "dialogue",
        "group": "talk",
        "language": "en",
        "title": "Support",
        "description": "Mends the internet.",
        "example": "",
        "max_message_chars": 200,
        "version": SUPPORT.version,
    }


@pytest.mark.parametrize("name", WRITTEN)
async def test_every_kind_answers_as_it_does_when_it_is_tried(world: World, name: str) -> None:
    seed = SEEDS.get(name)
    tried = await Trial(ScriptedEngine(list(WRITTEN[name])), seed).say("rock")
    world.engine.lines += WRITTEN[name]
    async with world.operator() as operator:
        answer = await operator.post(f"{API}/ask", json={"seed": name, "text": "rock"})
    assert answer.status_code == 200, answer.text
    assert answer.json() == {**json.loads(as_object(tried)), "seed": name, "version": seed.version}
    assert answer.json()["outcome"] == "answered"
