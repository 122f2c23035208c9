"""What the model proposes to an operator: shown while it is written, kept, sent only as the operator's own words."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from httpx import AsyncClient

from bot.review.live import Watch
from bot.web.app import web_app
from bot.wiring import background
from dialogue.errors import EngineError
from storage.operators import Role
from tests.bot.review.hearing import Page, listening
from tests.bot.review.world import World, served


@pytest.fixture
async def url(world: World) -> AsyncIterator[str]:
    """The address of another web process than the one that takes the proposals in."""
    other = Watch(world.log)
    app = web_app(*replace(world.review, watch=other).routers())
    async with background(other.run(), other.follow(world.drafts)), served(replace(world, app=app)) as url:
        yield url


async def a_led_dialogue(world: World, visitor: AsyncClient, operator: AsyncClient) -> str:
    """Have an operator take a dialogue over in which somebody waits; return its id."""
    dialogue_id = await world.exchange(visitor, "The internet is down.", "Is the light on?")
    (await operator.post(f"/review/api/dialogues/{dialogue_id}/claim")).raise_for_status()
    await world.said(visitor, "Yes, it is.")
    await world.said(visitor, "It is green.")
    return dialogue_id


async def propose(operator: AsyncClient, dialogue_id: str) -> int:
    return (await operator.post(f"/review/api/dialogues/{dialogue_id}/proposal")).status_code


async def final(page: Page) -> Any:
    """Return the proposal when it is finished."""
    while (proposal := await page.next("proposal")) is not None and not proposal["is_final"]:
        pass
    return proposal


async def turns(operator: AsyncClient, dialogue_id: str) -> dict[int, dict[str, Any]]:
    found = (await operator.get(f"/review/api/dialogues/{dialogue_id}")).json()["turns"]
    return {turn["id"]: turn for turn in found}


async def test_a_proposal_is_shown_while_it_is_written_in_whichever_process_the_page_is(world: World, url: str) -> None:
    async with world.visitor() as visitor, world.operator() as operator:
        dialogue_id = await a_led_dialogue(world, visitor, operator)
        async with listening(world, url, dialogue_id) as page:
            world.engine.gate = asyncio.Event()
            world.engine.lines.append("Then the cable is broken.\nUser1:")
            assert await propose(operator, dialogue_id) == 202
            begun = await page.next("proposal")
            world.engine.gate.set()
            ended = await final(page)
        proposed = (await turns(operator, dialogue_id))[ended["turn"]]
        seen = (await visitor.get("/api/chat")).json()["turns"]

    assert begun == {"turn": None, "is_final": False, "text": "Then"}
    assert (proposed["author"], proposed["text"]) == ("model", "Then the cable is broken.")
    assert (proposed["is_shown"], proposed["delivery"]) == (False, "")
    assert [turn["text"] for turn in seen][-2:] == ["Yes, it is.", "It is green."]


async def test_a_proposal_is_kept_with_how_it_came_about(world: World, url: str) -> None:
    async with world.visitor() as visitor, world.operator() as operator:
        dialogue_id = await a_led_dialogue(world, visitor, operator)
        async with listening(world, url, dialogue_id) as page:
            world.engine.lines.append("Then the cable is broken.\nUser1:")
            await propose(operator, dialogue_id)
            turn_id = (await final(page))["turn"]
        (told,) = (await operator.get(f"/review/api/dialogues/{dialogue_id}/turns/{turn_id}/draws")).json()

    prompt = world.engine.prompts[-1].text
    assert told["draw"]["prompt_hash"] == hashlib.sha256(prompt.encode()).hexdigest()
    assert told["prompt"] == prompt
    assert prompt.endswith("User1: Yes, it is.\nUser1: It is green.\nUser2:")


async def test_the_operator_sends_it_edited_and_the_edit_says_what_it_was_made_of(world: World, url: str) -> None:
    async with world.visitor() as visitor, world.operator() as operator:
        dialogue_id = await a_led_dialogue(world, visitor, operator)
        async with listening(world, url, dialogue_id) as page:
            world.engine.lines.append("Then the cable is broken.\nUser1:")
            await propose(operator, dialogue_id)
            turn_id = (await final(page))["turn"]
        body = {"text": "The cable is broken: we come today.", "draft": turn_id}
        (await operator.post(f"/review/api/dialogues/{dialogue_id}/messages", json=body)).raise_for_status()
        known = await turns(operator, dialogue_id)
        seen = (await visitor.get("/api/chat")).json()["turns"]

    sent = next(turn for turn in known.values() if turn["author"] == "operator")
    assert (sent["text"], sent["replaces"], sent["is_shown"]) == (body["text"], turn_id, True)
    assert known[turn_id]["is_shown"] is False
    assert [(turn["author"], turn["text"]) for turn in seen][-1] == ("operator", body["text"])


async def test_a_draft_of_another_dialogue_is_none(world: World) -> None:
    async with world.visitor() as visitor, world.visitor() as other, world.operator() as operator:
        elsewhere = await world.exchange(other, "It is dark.", "What is it?")
        turn_id = max(await turns(operator, elsewhere))
        dialogue_id = await a_led_dialogue(world, visitor, operator)
        body = {"text": "We come today.", "draft": turn_id}
        (await operator.post(f"/review/api/dialogues/{dialogue_id}/messages", json=body)).raise_for_status()

        said = [turn for turn in (await turns(operator, dialogue_id)).values() if turn["author"] == "operator"]
    assert [turn["replaces"] for turn in said] == [None]


async def test_where_the_model_fails_the_operator_is_told_that_there_is_none(world: World, url: str) -> None:
    async with world.visitor() as visitor, world.operator() as operator:
        dialogue_id = await a_led_dialogue(world, visitor, operator)
        before = await turns(operator, dialogue_id)
        async with listening(world, url, dialogue_id) as page:
            world.engine.lines.append(EngineError("no memory"))
            await propose(operator, dialogue_id)

            assert await final(page) == {"turn": None, "is_final": True, "text": ""}
        assert await turns(operator, dialogue_id) == before


async def test_nothing_of_a_proposal_stays_in_redis(world: World, url: str) -> None:
    async with world.visitor() as visitor, world.operator() as operator:
        dialogue_id = await a_led_dialogue(world, visitor, operator)
        async with listening(world, url, dialogue_id) as page:
            world.engine.lines.append("Then the cable is broken.\nUser1:")
            await propose(operator, dialogue_id)
            await final(page)
    async with asyncio.timeout(10):
        while await world.redis.keys(f"{world.keys.prefix}*~*"):
            await asyncio.sleep(0.01)


async def test_only_who_leads_a_dialogue_has_an_answer_proposed_and_only_where_somebody_waits(world: World) -> None:
    async with world.visitor() as visitor, world.operator() as operator, world.operator(Role.ADMIN) as admin:
        dialogue_id = await world.exchange(visitor, "The internet is down.", "Is the light on?")
        unclaimed = await propose(operator, dialogue_id)
        await operator.post(f"/review/api/dialogues/{dialogue_id}/claim")
        nobody_waits = await propose(operator, dialogue_id)
        await world.said(visitor, "Yes, it is.")
        others = await propose(admin, dialogue_id)
        gone = await propose(operator, "abc")

    assert [unclaimed, nobody_waits, others, gone] == [409, 409, 409, 409]
    assert len(world.engine.prompts) == 1
