"""What operators decide through the API, from a browser's session and with a program's token."""

from __future__ import annotations

import time
from typing import Any

import pytest
from httpx import AsyncClient, Response

from storage.operators import Role
from storage.records import ChatKind
from tests.bot.review.world import World

API = "/review/api"


async def a_dialogue(world: World, text: str = "The internet is down.", reply: str = "Is the light on?") -> str:
    async with world.visitor() as visitor:
        return await world.exchange(visitor, text, reply)


def undo_of(answer: Response) -> str:
    """Return what takes a change back."""
    assert answer.status_code == 200, answer.text
    return str(answer.json()["undo"])


async def change(client: AsyncClient, dialogue_id: str, **wish: Any) -> str:
    return undo_of(await client.patch(f"{API}/dialogues/{dialogue_id}", json=wish))


async def found(client: AsyncClient, **query: Any) -> list[str]:
    answer = await client.get(f"{API}/dialogues", params=query)
    assert answer.status_code == 200, answer.text
    return [row["dialogue_id"] for row in answer.json()["rows"]]


async def read(client: AsyncClient, dialogue_id: str) -> Any:
    return (await client.get(f"{API}/dialogues/{dialogue_id}")).json()


async def row_of(client: AsyncClient, dialogue_id: str) -> Any:
    return (await read(client, dialogue_id))["row"]


async def verdict_of(client: AsyncClient, dialogue_id: str) -> dict[str, Any]:
    verdict: dict[str, Any] = (await read(client, dialogue_id))["turns"][-1]["verdict"]
    return verdict


async def test_dialogues_are_found_by_what_was_said_and_by_what_was_decided(world: World, lead: AsyncClient) -> None:
    first = await a_dialogue(world)
    second = await a_dialogue(world, "It is dark.", "What is it?")
    await change(lead, second, approval="approved", labels=["night"], assignee="me", status="resolved")
    now = time.time()

    assert await found(lead) == [second, first]
    assert await found(lead, order="oldest") == [first, second]
    assert await found(lead, q="internet light") == []
    assert await found(lead, q="internet") == await found(lead, q='"light on"') == [first]
    assert await found(lead, approval="none") == await found(lead, assignee="nobody") == [first]
    assert await found(lead, approval="approved") == await found(lead, label="night") == [second]
    assert await found(lead, assignee="me") == await found(lead, assignee="lead") == [second]
    assert await found(lead, status="resolved") == [second]
    assert await found(lead, seed="support-en", model="scripted", until=now) == [second, first]
    assert await found(lead, since=now) == await found(lead, flag="disliked") == await found(lead, seed="no-en") == []


async def test_a_list_goes_on_where_its_bookmark_says(world: World, lead: AsyncClient) -> None:
    async with world.log.writing() as writing:
        for number in range(51):
            person = await writing.person("telegram", str(number), "Anna", "en")
            chat = await writing.chat("telegram", str(number), ChatKind.PRIVATE, "support-en", "en")
            await writing.say(chat, person, "Good morning.", "")
    pages = {}
    for words in ("", "good"):
        page = (await lead.get(f"{API}/dialogues", params={"q": words})).json()
        rest = (await lead.get(f"{API}/dialogues", params={"q": words, "after": page["next"]})).json()
        pages[words] = page, rest
    of_another_list = {"q": "good", "after": pages[""][0]["next"]}

    for page, rest in pages.values():
        ids = [row["dialogue_id"] for row in page["rows"] + rest["rows"]]
        assert (len(page["rows"]), len(set(ids)), rest["next"]) == (50, 51, "")
    assert (await lead.get(f"{API}/dialogues", params=of_another_list)).status_code == 409


async def test_a_dialogue_is_read_with_everything_about_it(world: World, lead: AsyncClient) -> None:
    dialogue_id = await a_dialogue(world)

    dialogue = await read(lead, dialogue_id)

    assert [(turn["author"], turn["text"]) for turn in dialogue["turns"]] == [
        ("person", "The internet is down."),
        ("model", "Is the light on?"),
    ]
    assert (dialogue["row"]["channel"], dialogue["row"]["replies"], dialogue["row"]["to_review"]) == ("web", 1, 1)
    assert (await lead.get(f"{API}/dialogues/abc")).status_code == 404


async def test_a_reply_is_judged_field_by_field_and_the_last_word_counts(world: World, lead: AsyncClient) -> None:
    dialogue_id = await a_dialogue(world)
    turn_id = (await read(lead, dialogue_id))["turns"][-1]["id"]
    path = f"{API}/dialogues/{dialogue_id}/turns/{turn_id}"

    for wish in (
        {"rating": "bad", "reasons": ["rude", "wrong", "rude"]},
        {"correction": "Which lights are on?\n", "note": "<b>ask</b> first"},
        {"labels": [" late ", "late"], "rating": "good"},
    ):
        assert undo_of(await lead.patch(path, json=wish)) != ""
    assert undo_of(await lead.patch(path, json={"rating": "good"})) == ""  # It is so already.

    assert await verdict_of(lead, dialogue_id) == {
        "rating": "good",
        "correction": "Which lights are on?\n",
        "reasons": ["rude", "wrong"],
        "labels": ["late"],
        "note": "<b>ask</b> first",
        "operator": "lead",
    }
    assert (await row_of(lead, dialogue_id))["to_review"] == 0


@pytest.mark.parametrize(
    "wish", [{"rating": "great"}, {"ratings": "good"}, {"labels": [""]}, {"correction": 1}, [], "x"]
)
async def test_a_judgement_that_there_is_none_of_changes_nothing(world: World, lead: AsyncClient, wish: Any) -> None:
    dialogue_id = await a_dialogue(world)
    turn_id = (await read(lead, dialogue_id))["turns"][-1]["id"]
    before = await verdict_of(lead, dialogue_id)

    refused = await lead.patch(f"{API}/dialogues/{dialogue_id}/turns/{turn_id}", json=wish)

    assert refused.status_code == 422
    assert await verdict_of(lead, dialogue_id) == before


async def test_a_turn_is_judged_in_its_own_dialogue_only(world: World, lead: AsyncClient) -> None:
    first, second = await a_dialogue(world), await a_dialogue(world, "It is dark.", "What is it?")
    turn_id = (await read(lead, first))["turns"][-1]["id"]

    judged = await lead.patch(f"{API}/dialogues/{second}/turns/{turn_id}", json={"rating": "bad"})
    draws = await lead.get(f"{API}/dialogues/{second}/turns/{turn_id}/draws")

    assert (judged.status_code, draws.status_code) == (409, 404)


async def test_a_dialogue_is_put_off_until_a_time_and_taken_up_again(world: World, lead: AsyncClient) -> None:
    dialogue_id = await a_dialogue(world)
    tomorrow = time.time() + 24 * 3600

    await change(lead, dialogue_id, status="snoozed", snoozed_until=tomorrow)
    put_off = await row_of(lead, dialogue_id)
    await change(lead, dialogue_id, status="open")
    taken_up = await row_of(lead, dialogue_id)

    assert (put_off["status"], put_off["snoozed_until"]) == ("snoozed", tomorrow)
    assert (taken_up["status"], taken_up["snoozed_until"]) == ("open", None)


@pytest.mark.parametrize(("name", "assigned"), [("reviewer", "reviewer"), ("me", "lead"), ("", ""), ("nobody", "")])
async def test_a_dialogue_is_assigned_by_name(world: World, lead: AsyncClient, name: str, assigned: str) -> None:
    dialogue_id = await a_dialogue(world)
    await change(lead, dialogue_id, assignee="admin")

    await change(lead, dialogue_id, assignee=name)

    assert (await row_of(lead, dialogue_id))["assignee"] == assigned
    unknown = await lead.patch(f"{API}/dialogues/{dialogue_id}", json={"assignee": "somebody"})
    assert (unknown.status_code, "somebody" in unknown.json()["error"]) == (409, True)


async def test_a_note_is_left_and_taken_back(world: World, lead: AsyncClient) -> None:
    dialogue_id = await a_dialogue(world)

    undo = undo_of(await lead.post(f"{API}/dialogues/{dialogue_id}/notes", json={"text": "Called them."}))
    left = (await read(lead, dialogue_id))["notes"]
    taken_back = await lead.post(f"{API}/undo", json={"undo": undo})

    assert [(note["operator"], note["text"]) for note in left] == [("lead", "Called them.")]
    assert taken_back.status_code == 204
    assert (await read(lead, dialogue_id))["notes"] == []


async def test_many_are_changed_at_once_and_back_at_once_or_none_of_them(world: World, lead: AsyncClient) -> None:
    ids = [await a_dialogue(world), await a_dialogue(world, "It is dark.", "What is it?")]
    wish = {"approval": "approved", "labels": ["good"]}

    gone = await lead.post(f"{API}/bulk", json={"dialogues": [*ids, "abc"], "change": wish})
    untouched = await found(lead, approval="none")
    undo = undo_of(await lead.post(f"{API}/bulk", json={"dialogues": [*ids, ids[0]], "change": wish}))
    approved = await found(lead, approval="approved", label="good")
    taken_back = await lead.post(f"{API}/undo", json={"undo": undo})

    assert gone.status_code == 409
    assert set(untouched) == set(approved) == set(ids)
    assert taken_back.status_code == 204
    assert set(await found(lead, approval="none")) == set(ids)
    assert await found(lead, label="good") == []


async def test_what_somebody_has_changed_since_is_not_undone_nor_is_anything_twice(
    world: World, lead: AsyncClient
) -> None:
    ids = [await a_dialogue(world), await a_dialogue(world, "It is dark.", "What is it?")]
    wish = {"approval": "approved"}
    undo = undo_of(await lead.post(f"{API}/bulk", json={"dialogues": ids, "change": wish}))
    async with world.operator(Role.REVIEWER) as reviewer:
        later = await change(reviewer, ids[0], approval="rejected")

        overtaken = await lead.post(f"{API}/undo", json={"undo": undo})
        kept = [await found(lead, approval="rejected"), await found(lead, approval="approved")]
        answers = [(await lead.post(f"{API}/undo", json={"undo": each})).status_code for each in (later, later, undo)]

    assert (overtaken.status_code, overtaken.json()["reason"]) == (409, "review_refused")
    assert kept == [[ids[0]], [ids[1]]]
    assert answers == [204, 409, 204]
