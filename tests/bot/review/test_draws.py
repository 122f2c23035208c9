"""How a reply came about, through the API: with its prompt as it was sent, whatever happened to the dialogue since."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any

from httpx import AsyncClient

from tests.bot.review.test_taking_over import seen, until
from tests.bot.review.world import World

RAW = "User1: go on"


async def wish(world: World, visitor: AsyncClient, what: str, reply: str) -> None:
    """Have the person ask for another version of the last reply, or for more of it, and the model answer."""
    world.engine.lines.append(f"{reply}\n{RAW}")
    (await visitor.post(f"/api/{what}", json={})).raise_for_status()

    async def is_answered() -> bool:
        return (await seen(visitor))[-1][1].endswith(reply.strip())

    await until(is_answered)


async def written(operator: AsyncClient, dialogue_id: str) -> dict[str, Any]:
    """Return what is told of each turn of the model, by its text."""
    turns = (await operator.get(f"/review/api/dialogues/{dialogue_id}")).json()["turns"]
    told = {}
    for turn in turns:
        if turn["author"] == "model":
            draws = await operator.get(f"/review/api/dialogues/{dialogue_id}/turns/{turn['id']}/draws")
            told[turn["text"]] = draws.json()
    return told


def prompts(told: dict[str, Any]) -> dict[str, str]:
    """Return the prompt of each turn's last draw, once its hash has proven it."""
    for draws in told.values():
        for each in draws:
            assert hashlib.sha256(each["prompt"].encode()).hexdigest() == each["draw"]["prompt_hash"], each["why_not"]
    return {text: draws[-1]["prompt"] for text, draws in told.items()}


async def test_a_reply_is_told_with_its_prompt_its_raw_text_and_its_figures(world: World) -> None:
    async with world.visitor() as visitor, world.operator() as operator:
        dialogue_id = await world.exchange(visitor, "The internet is down.", "Is the light on?")
        (told,) = (await written(operator, dialogue_id))["Is the light on?"]

    assert told["prompt"] == world.engine.prompts[0].text
    assert (told["draw"]["text"], told["kept"], told["cut"]) == (
        " Is the light on?\nUser1:",
        "Is the light on?",
        "\nUser1:",
    )
    assert (told["draw"]["model"], told["draw"]["seed"], told["draw"]["draw"]) == ("scripted", "support-en", 7)
    assert told["draw"]["stop"] == "tag"


async def test_every_draw_is_told_where_the_first_was_worth_nothing(world: World) -> None:
    async with world.visitor() as visitor, world.operator() as operator:
        world.engine.lines.append("\nUser1: nothing")
        dialogue_id = await world.exchange(visitor, "The internet is down.", "Is the light on?")
        told = await written(operator, dialogue_id)

    assert [each["draw"]["number"] for each in told["Is the light on?"]] == [1, 2]
    assert prompts(told) == {"Is the light on?": world.engine.prompts[1].text}


async def test_each_prompt_is_as_it_was_sent_after_retries_continuations_and_undos(world: World) -> None:
    async with world.visitor() as visitor, world.operator() as operator:
        dialogue_id = await world.exchange(visitor, "The internet is down.", "Is the light on?")
        await wish(world, visitor, "retry", " Which light is on?")
        await wish(world, visitor, "continue", " The first or the second")
        await wish(world, visitor, "retry", " Please look.")
        await world.exchange(visitor, "I see two.", "Both green?")
        (await visitor.post("/api/undo", json={})).raise_for_status()
        # The scripted model says that it writes for 0.02 s and takes less: it would seem to have begun before the undo.
        await asyncio.sleep(0.05)
        await world.exchange(visitor, "I see three.\nAll green.", "Then wait.")
        told = prompts(await written(operator, dialogue_id))

    assert told == {
        "Is the light on?": world.engine.prompts[0].text,
        "Which light is on?": world.engine.prompts[1].text,
        "Which light is on? The first or the second": world.engine.prompts[2].text,
        "Please look.": world.engine.prompts[3].text,
        "Both green?": world.engine.prompts[4].text,
        "Then wait.": world.engine.prompts[5].text,
    }


async def test_what_was_asked_in_one_breath_is_in_one_prompt(world: World) -> None:
    async with world.visitor() as visitor, world.operator() as operator:
        dialogue_id = await world.exchange(visitor, "The internet is down.", "Is the light on?")
        await operator.post(f"/review/api/dialogues/{dialogue_id}/claim")
        await world.said(visitor, "Yes.")
        await world.said(visitor, "All of them.")
        world.engine.lines.append(f" Then wait.\n{RAW}")
        await operator.post(f"/review/api/dialogues/{dialogue_id}/release")
        await until(lambda: _is_last(visitor, "Then wait."))
        await world.exchange(visitor, "How long?", "An hour.")

        told = prompts(await written(operator, dialogue_id))

    assert told["Then wait."] == world.engine.prompts[1].text
    assert told["An hour."] == world.engine.prompts[2].text


async def test_what_operators_said_is_in_the_prompts_after_it(world: World) -> None:
    async with world.visitor() as visitor, world.operator() as operator:
        dialogue_id = await world.exchange(visitor, "The internet is down.", "Is the light on?")
        await operator.post(f"/review/api/dialogues/{dialogue_id}/claim")
        await operator.post(f"/review/api/dialogues/{dialogue_id}/messages", json={"text": "I am a human."})
        await operator.post(f"/review/api/dialogues/{dialogue_id}/release")
        await world.exchange(visitor, "Then help me.", "What is it?")

        told = prompts(await written(operator, dialogue_id))

    assert "I am a human." in told["What is it?"]
    assert told["What is it?"] == world.engine.prompts[1].text


async def test_of_a_persons_turn_there_is_nothing_to_tell(world: World) -> None:
    async with world.visitor() as visitor, world.operator() as operator:
        dialogue_id = await world.exchange(visitor, "The internet is down.", "Is the light on?")
        person, _ = (await operator.get(f"/review/api/dialogues/{dialogue_id}")).json()["turns"]

        answer = await operator.get(f"/review/api/dialogues/{dialogue_id}/turns/{person['id']}/draws")

    assert answer.status_code == 404


async def _is_last(visitor: AsyncClient, text: str) -> bool:
    return (await seen(visitor))[-1][1] == text
