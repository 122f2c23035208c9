"""An operator in the bot's place, from the operator's pages to the person's and back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from httpx import AsyncClient

from bot.web.texts import text as sentence
from storage.operators import Role
from tests.bot.review.world import World

NOT_THIS = "Have you tried turning it off?"


async def until(is_so: Callable[[], bool | Awaitable[bool]]) -> None:
    """Wait for something that must come."""
    async with asyncio.timeout(10):
        while True:
            found = is_so()
            if found if isinstance(found, bool) else await found:
                return
            await asyncio.sleep(0.01)


async def seen(visitor: AsyncClient) -> list[tuple[str, str]]:
    """Return what a person sees: who says what."""
    return [(turn["author"], turn["text"]) for turn in (await visitor.get("/api/chat")).json()["turns"]]


async def while_the_model_writes(world: World, visitor: AsyncClient, text: str) -> str:
    """Have a person say something, and the model hold its answer back; return the dialogue's id."""
    world.engine.gate = asyncio.Event()
    world.engine.lines.append(f" {NOT_THIS}\nUser1:")
    dialogue_id = await world.said(visitor, text)
    await until(lambda: world.engine.at_work == 1)
    return dialogue_id


def go_on(world: World) -> None:
    assert world.engine.gate is not None
    world.engine.gate.set()


async def act(operator: AsyncClient, dialogue_id: str, what: str, **body: Any) -> int:
    answer = await operator.post(f"/review/api/dialogues/{dialogue_id}/{what}", json=body or None)
    return answer.status_code


async def test_from_the_claim_on_the_person_hears_the_operator_and_after_the_release_the_bot(world: World) -> None:
    async with world.visitor() as visitor, world.operator() as operator:
        dialogue_id = await while_the_model_writes(world, visitor, "Is anybody there?")

        claimed = await act(operator, dialogue_id, "claim")
        go_on(world)
        await until(lambda: world.engine.at_work == 0)
        said = await act(operator, dialogue_id, "messages", text="I am a human.")
        await until(lambda: _ends_with(visitor, "operator", "I am a human."))
        led = await seen(visitor)
        await world.said(visitor, "Then help me.")
        world.engine.lines.append(" I will.\nUser1:")
        released = await act(operator, dialogue_id, "release")
        await until(lambda: _ends_with(visitor, "model", "I will."))
        in_the_end = await seen(visitor)

    assert [claimed, said, released] == [204, 204, 204]
    assert led == [("person", "Is anybody there?"), ("operator", "I am a human.")]
    assert in_the_end == [*led, ("person", "Then help me."), ("model", "I will.")]


async def _ends_with(visitor: AsyncClient, author: str, text: str) -> bool:
    return (await seen(visitor))[-1] == (author, text)


async def test_what_waits_when_an_operator_leaves_without_a_word_is_answered_by_the_bot(world: World) -> None:
    async with world.visitor() as visitor, world.operator() as operator:
        dialogue_id = await while_the_model_writes(world, visitor, "Is anybody there?")
        await act(operator, dialogue_id, "claim")
        go_on(world)

        world.engine.lines.append(" I am.\nUser1:")
        await act(operator, dialogue_id, "release")
        await until(lambda: _ends_with(visitor, "model", "I am."))

        assert await seen(visitor) == [("person", "Is anybody there?"), ("model", "I am.")]


async def test_a_dialogue_has_one_operator_at_a_time(world: World) -> None:
    async with world.visitor() as visitor, world.operator() as first, world.operator(Role.LEAD) as second:
        dialogue_id = await world.exchange(visitor, "It is dark.", "What is it?")
        assert await act(first, dialogue_id, "claim") == 204

        again = await act(first, dialogue_id, "claim")
        taken = await second.post(f"/review/api/dialogues/{dialogue_id}/claim")
        others = [await act(second, dialogue_id, "release"), await act(second, dialogue_id, "messages", text="Me too")]
        await act(first, dialogue_id, "release")
        then = await act(second, dialogue_id, "claim")

        assert await seen(visitor) == [("person", "It is dark."), ("model", "What is it?")]
    assert (again, then) == (204, 204)
    assert (taken.status_code, "reviewer has this dialogue" in taken.json()["error"]) == (409, True)
    assert others == [409, 409]


async def test_of_two_operators_at_the_same_moment_one_gets_the_dialogue(world: World) -> None:
    async with world.visitor() as visitor, world.operator() as first, world.operator(Role.LEAD) as second:
        dialogue_id = await world.exchange(visitor, "It is dark.", "What is it?")

        answers = await asyncio.gather(*(act(each, dialogue_id, "claim") for each in (first, second, first, second)))

    # Whoever has it may claim it again.
    assert sorted(answers) == [204, 204, 409, 409]


@pytest.mark.parametrize("wish", ["retry", "continue", "undo", "cancel"])
async def test_the_person_is_told_that_an_operator_answers(world: World, wish: str) -> None:
    async with world.visitor() as visitor, world.operator() as operator:
        dialogue_id = await world.exchange(visitor, "It is dark.", "What is it?")
        await act(operator, dialogue_id, "claim")

        answer = await visitor.post(f"/api/{wish}", json={})

        assert await seen(visitor) == [("person", "It is dark."), ("model", "What is it?")]
    assert answer.status_code == 409
    assert answer.json() == {"reason": "with_operator", "error": sentence("with_operator", "en")}


@pytest.mark.parametrize("text", ["", " \n\t", "\u2003"])
async def test_an_operator_who_says_nothing_is_told_so(world: World, text: str) -> None:
    async with world.visitor() as visitor, world.operator() as operator:
        dialogue_id = await world.exchange(visitor, "It is dark.", "What is it?")
        await act(operator, dialogue_id, "claim")

        assert await act(operator, dialogue_id, "messages", text=text) == 422


async def test_when_the_person_begins_anew_there_is_nothing_left_to_lead(world: World) -> None:
    async with world.visitor() as visitor, world.operator() as operator:
        dialogue_id = await world.exchange(visitor, "It is dark.", "What is it?")
        (await visitor.post("/api/new", json={})).raise_for_status()

        assert await act(operator, dialogue_id, "claim") == 409


async def test_a_person_who_is_forgotten_is_gone_at_once_wherever_operators_look(world: World) -> None:
    async with world.visitor() as visitor, world.operator(Role.LEAD) as operator:
        dialogue_id = await world.exchange(visitor, "My secret is safe here.", "It is.")
        path = f"/review/api/dialogues/{dialogue_id}"
        turn_id = (await operator.get(path)).json()["turns"][-1]["id"]
        change = await operator.patch(f"{path}/turns/{turn_id}", json={"correction": "A corrected secret."})
        await act(operator, dialogue_id, "claim")
        await world.said(visitor, "Another secret.")
        world.engine.gate = asyncio.Event()
        world.engine.lines.append(" A proposed secret.\nUser1:")
        assert await act(operator, dialogue_id, "proposal") == 202
        await until(lambda: world.engine.at_work == 1)
        assert [key for key in await _keys_of(world, dialogue_id) if "~" in key] != []

        (await visitor.post("/api/forget", json={})).raise_for_status()
        left = await _keys_of(world, dialogue_id)
        go_on(world)
        await until(lambda: world.engine.at_work == 0)

        lists = [await operator.get(f"/review/api/dialogues{query}") for query in ("", "?q=secret", "?flag=claimed")]
        pages = [await operator.get(each) for each in ("/review", "/review?q=secret", "/review/audit")]
        audit = await operator.get("/review/api/audit")
        gone = [await operator.get(each) for each in (path, f"{path}/turns/{turn_id}/draws", path.replace("api/", ""))]
        undone = await operator.post("/review/api/undo", json={"undo": change.json()["undo"]})
        late = [await act(operator, dialogue_id, "messages", text="x"), await act(operator, dialogue_id, "proposal")]

        assert [each.json()["rows"] for each in lists] == [[], [], []]
        assert [each.status_code for each in gone] == [404, 404, 404]
        assert (undone.status_code, late) == (409, [409, 409])
        assert "secret" not in audit.text and dialogue_id in audit.text
        assert [each.text.count("secret") - each.text.count("q=secret") for each in pages] == [
            0,
            1,
            0,
        ]  # The search box.
        assert left == await _keys_of(world, dialogue_id) == []


async def _keys_of(world: World, dialogue_id: str) -> list[str]:
    found = await world.redis.keys(f"{world.keys.prefix}*{dialogue_id}*")
    return [key if isinstance(key, str) else key.decode() for key in found]
