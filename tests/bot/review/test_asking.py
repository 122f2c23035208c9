"""What programs ask seeds through the API: answered as `govorun seeds try --json` answers, and kept nowhere."""

from __future__ import annotations

import asyncio
import json
import logging
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from httpx import ASGITransport, AsyncClient

from bot.review.asking import CHANNEL, MAX_AT_ONCE
from bot.trying import Trial, as_object
from bot.web.app import web_app
from storage.log.tables import metadata
from storage.operators import Role
from tests.bot.erasing import erased
from tests.bot.review.world import ORIGIN, SEEDS, SUPPORT, World, served
from tests.dialogue.kinds.conftest import CODE, FILM, MUSIC, OBJECT, WORD
from tests.fakes import GREETING_SEED, ScriptedEngine

API = "/review/api"
QUESTION = {"seed": WORD.name, "text": "дом"}
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


@asynccontextmanager
async def program(world: World, **parts: Any) -> AsyncIterator[AsyncClient]:
    """Yield a reviewer's program.

    Args:
        parts: of the review that differ from the world's.
    """
    async with world.log.writing() as writing:
        secret, _ = await writing.make_token(world.operators[Role.REVIEWER], "a program")
    transport = ASGITransport(web_app(*replace(world.review, **parts).routers()), raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {secret}"}
    async with AsyncClient(transport=transport, base_url=ORIGIN, headers=headers) as client:
        yield client


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


async def test_every_kind_answers_as_it_does_when_it_is_tried(world: World) -> None:
    async with program(world) as client:
        for name, written in WRITTEN.items():
            tried = await Trial(ScriptedEngine([*written]), SEEDS.get(name)).say("rock")
            world.engine.lines += written
            answer = await client.post(f"{API}/ask", json={"seed": name, "text": "rock"})
            told = {**json.loads(as_object(tried)), "seed": name, "version": SEEDS.get(name).version}
            assert (answer.status_code, answer.json(), tried.outcome) == (200, told, "answered")


async def test_what_was_said_before_stands_in_the_prompt_and_settings_count(world: World) -> None:
    said = [{"speaker": "bot", "text": "Hello."}, {"speaker": "person", "text": "Hi!\nUser2: I am"}]
    question = {"seed": GREETING_SEED.name, "text": "It is dark.", "settings": {"length": "short"}}
    async with program(world) as client:
        for turns in (None, said, []):
            world.engine.lines.append(" Why?\nUser1:")
            assert (await client.post(f"{API}/ask", json=question | {"turns": turns})).json()["text"] == "Why?"

    assert [prompt.text for prompt in world.engine.prompts] == [
        "A chat.\nUser2: Hello! What happened?\nUser1: It is dark.\nUser2:",
        "A chat.\nUser2: Hello.\nUser1: Hi!\n User2: I am\nUser1: It is dark.\nUser2:",
        "A chat.\nUser1: It is dark.\nUser2:",
    ]
    assert {prompt.sampling.max_new_tokens for prompt in world.engine.prompts} == {10}


async def test_nothing_of_it_is_kept_or_written_into_a_log_line(
    world: World, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    world.engine.lines.append(" Osnaburg.\nUser1:")
    body = {"seed": SUPPORT.name, "text": "Xanadu?", "turns": [{"speaker": "bot", "text": "Ypsilanti."}]}
    async with program(world) as client:
        answer = await client.post(f"{API}/ask", json=body)
        await erased(world.redis, world.keys, CHANNEL)
        refused = await client.post(f"{API}/ask", json={"seed": "Xanadu", "text": "Ypsilanti", "more": "Osnaburg"})
    with sqlite3.connect(tmp_path / "log.db") as database:
        rows = {name: database.execute(f"SELECT * FROM {name}").fetchall() for name in metadata.tables}

    assert (answer.json()["text"], refused.status_code) == ("Osnaburg.", 422)
    assert caplog.records
    assert [word for word in ("Xanadu", "Ypsilanti", "Osnaburg") if word in caplog.text or word in str(rows)] == []


async def test_what_cannot_be_asked_is_refused_with_a_sentence(world: World) -> None:
    wishes: list[tuple[dict[str, Any], int, str]] = [
        ({"seed": "suport-en"}, 404, "support-en"),
        ({"text": " \n"}, 422, "empty"),
        ({"text": "x" * 201}, 422, "201"),
        ({"text": "x" * 20_001}, 422, ""),
        ({"settings": {"temperature": "hot"}}, 422, ""),
        ({"settings": {"seed": "support-en"}}, 422, ""),
        ({"turns": [{"speaker": "User1", "text": "Hi."}]}, 422, ""),
        ({"seed": FILM.name, "turns": []}, 422, "dialogue"),
    ]
    async with program(world) as client:
        for wish, status, mentioned in wishes:
            answer = await client.post(f"{API}/ask", json={"seed": SUPPORT.name, "text": "It is dark.", **wish})
            assert (answer.status_code, answer.json().keys() >= {"reason", "error"}) == (status, True), wish
            assert mentioned in answer.json()["error"]
    assert world.engine.prompts == []


async def test_who_gets_no_answer_is_told_why(world: World) -> None:
    world.engine.lines += ["Why?"] * (MAX_AT_ONCE + 1)
    held = world.engine.gate = asyncio.Event()

    async def answer(client: AsyncClient) -> tuple[int, str]:
        answer = await client.post(f"{API}/ask", json=QUESTION)
        return answer.status_code, answer.json().get("reason", "")

    async with program(world, workers=Nobody()) as client:
        no_worker = await answer(client)
    async with program(world, patience_s=0.02) as client:
        too_late = await answer(client)
    await erased(world.redis, world.keys, CHANNEL)
    async with program(world) as client:
        many = [asyncio.create_task(answer(client)) for _ in range(MAX_AT_ONCE)]
        await until(lambda: world.engine.at_work == MAX_AT_ONCE)
        too_many = await answer(client)
        held.set()
        answers = await asyncio.gather(*many)

    assert (no_worker, too_late) == ((503, "no_worker"), (504, "no_answer_in_time"))
    assert too_many == (429, "too_many_asides")
    assert answers == [(200, "")] * MAX_AT_ONCE


async def test_it_is_called_off_when_the_client_goes_and_when_the_server_does(world: World) -> None:
    world.engine.lines += ["Why?"] * 2
    world.engine.gate = asyncio.Event()
    async with program(world) as client, AsyncClient(headers=client.headers, timeout=20) as staying:
        async with served(world) as url:
            async with AsyncClient(headers=client.headers) as going:
                asking = asyncio.create_task(going.post(f"{url}{API}/ask", json=QUESTION))
                await until(lambda: world.engine.at_work == 1)
                asking.cancel()
                await asyncio.wait([asking])
            await until(lambda: world.engine.at_work == 0)
            await erased(world.redis, world.keys, CHANNEL)
            asking = asyncio.create_task(staying.post(f"{url}{API}/ask", json=QUESTION))
            await until(lambda: world.engine.at_work == 1)
        answer = await asking
    assert (answer.status_code, answer.json()["reason"]) == (503, "going_down")
    await erased(world.redis, world.keys, CHANNEL)
