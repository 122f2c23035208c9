"""The seed workshop: a draft is tried beside what is at work, put to work, and what was there before comes back."""

from __future__ import annotations

from typing import Any

import pytest
from httpx import AsyncClient

from storage.operators import Role
from tests.bot.review.world import SUPPORT, World
from tests.dialogue.kinds.conftest import FILM

API = "/review/api"
SEED = f"{API}/seeds/support-en"
FILE = SUPPORT.content.decode()
DRAFT = FILE.replace("A chat.", r"A better chat.\nUser1: Hi\nUser2: Hello!")


async def put(client: AsyncClient, content: str, follows: int, note: str = "") -> Any:
    return await client.put(SEED, json={"content": content, "follows": follows, "note": note})


async def test_a_draft_is_asked_and_measured_and_nobody_else_gets_it(world: World) -> None:
    world.engine.lines += [" From the draft.\nUser1:", " From the file.\nUser1:"]
    async with world.operator() as operator:
        draft = (await operator.post(f"{SEED}/drafts", json={"content": DRAFT})).json()
        wish = {"seed": draft["name"], "text": "Help"}

        asked = (await operator.post(f"{API}/ask", json=wish)).json()
        measured = (await operator.post(f"{API}/measure", json=wish)).json()
        other = (await operator.post(f"{API}/ask", json={**wish, "seed": SUPPORT.name})).json()

    assert (asked["text"], asked["seed"], asked["version"]) == ("From the draft.", "support-en", draft["version"])
    assert world.engine.prompts[0].text == "A better chat.\nUser1: Hi\nUser2: Hello!\nUser1: Help\nUser2:"
    assert measured["prompt"] == world.engine.prompts[0].text
    assert measured["prompt_tokens"] > measured["seed_tokens"] > 0
    assert (other["text"], other["version"]) == ("From the file.", SUPPORT.version)
    assert world.engine.prompts[1].text == "A chat.\nUser1: Help\nUser2:"


async def test_what_is_put_to_work_answers_people_and_the_file_comes_back(world: World) -> None:
    async with world.operator(Role.LEAD) as lead, world.visitor() as visitor:
        assert (await put(lead, DRAFT, 0, "A greeting to copy")).status_code == 200
        dialogue_id = await world.exchange(visitor, "Help", "With pleasure.")
        page = await lead.get("/review/seeds/support-en")
        assert (await lead.get("/review/seeds/support-en.toml")).text == DRAFT
        (last,) = await world.log.seed_choices("support-en")
        assert (await put(lead, FILE, last.id, "As it was")).status_code == 200
        await world.exchange(visitor, "And now?", "As ever.")
        turns = (await world.dialogue(dialogue_id)).turns
        draws = (await lead.get(f"{API}/dialogues/{dialogue_id}/turns/{turns[1].id}/draws")).json()

    assert "A greeting to copy" in page.text
    prompts = [each.text for each in world.engine.prompts]
    assert prompts[0] == "A better chat.\nUser1: Hi\nUser2: Hello!\nUser1: Help\nUser2:"
    assert prompts[1] == "A chat.\nUser1: Help\nUser2: With pleasure.\nUser1: And now?\nUser2:"
    assert [each["prompt"] for each in draws] == [prompts[0]]
    assert await world.log.chosen_seeds() == {}
    assert [each.note for each in await world.log.seed_choices("support-en")] == ["As it was", "A greeting to copy"]


async def test_a_reviewer_tries_and_does_not_put_to_work(world: World) -> None:
    async with world.operator(Role.REVIEWER) as reviewer:
        refused = await put(reviewer, DRAFT, 0)
        page = await reviewer.get("/review/seeds/support-en")

    assert refused.status_code == 403
    assert 'id="save"' not in page.text
    assert await world.log.chosen_seeds() == {}


async def test_of_two_leads_the_second_is_told_that_the_first_was_faster(world: World) -> None:
    async with world.operator(Role.LEAD) as lead, world.operator(Role.ADMIN) as other:
        await put(lead, DRAFT, 0)
        refused = await put(other, FILE.replace("A chat.", "Mine."), 0)

    assert refused.status_code == 409
    assert "somebody else has changed support-en since" in refused.json()["error"]
    assert [each.operator for each in await world.log.seed_choices("support-en")] == ["lead"]


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("support-en", 'name = "support-en"', "support-en.toml: language: is missing"),
        ("support-en", FILE.replace("support-en", "films-en"), "must be the file's name"),
        ("support-en", FILE + "\ntemperature = 9", "support-en.toml: sampling.temperature: "),
        ("support-en", "text = [", "support-en.toml: TOML: "),
        (FILM.name, FILE.replace("support-en", FILM.name), "must stay of the kind completion"),
        ("suport-en", FILE, "The nearest is support-en"),
    ],
)
async def test_what_is_no_seed_is_refused_with_what_is_wrong(
    world: World, name: str, content: str, sentence: str
) -> None:
    async with world.operator(Role.LEAD) as lead:
        drafted = await lead.post(f"{API}/seeds/{name}/drafts", json={"content": content})
        put_to_work = await lead.put(f"{API}/seeds/{name}", json={"content": content, "follows": 0})

    for refused in (drafted, put_to_work):
        assert refused.status_code == (404 if name == "suport-en" else 422)
        assert sentence in refused.json()["error"]
    assert await world.log.chosen_seeds() == {}


async def test_a_prompt_without_room_is_refused_with_a_sentence(world: World) -> None:
    long = FILE.replace("A chat.", "word " * 1_500)
    async with world.operator() as operator:
        draft = (await operator.post(f"{SEED}/drafts", json={"content": long})).json()
        refused = await operator.post(f"{API}/measure", json={"seed": draft["name"], "text": "Help"})

    assert (refused.status_code, refused.json()["reason"]) == (422, "no_room")
