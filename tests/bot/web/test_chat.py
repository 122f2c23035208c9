"""The chat's API: what it takes, and what it refuses in one clear sentence."""

from __future__ import annotations

from typing import Any

import pytest
from httpx import AsyncClient

from bot.web.security import HEADERS
from dialogue.turns import Ask, Outcome
from tests.bot.web.world import SEEDS, World

POSTS = ("messages", "new", "retry", "continue", "undo", "cancel", "forget", "human")


async def chat_of(client: AsyncClient) -> dict[str, Any]:
    response = await client.get("/api/chat")
    assert response.status_code == 200
    chat: dict[str, Any] = response.json()
    return chat


def texts(chat: dict[str, Any]) -> list[str]:
    return [turn["text"] for turn in chat["turns"]]


async def say(client: AsyncClient, text: str) -> None:
    assert (await client.post("/api/messages", json={"text": text})).status_code == 204


@pytest.mark.parametrize(
    ("language", "seed", "greeting"),
    [
        ("en-GB", "support-en", "What happened?"),
        ("ru", "talk-ru", "Привет! О чём поговорим?"),
        ("de", "support-en", "What happened?"),
    ],
)
async def test_a_newcomer_is_greeted_by_the_first_seed_in_their_language(
    world: World, language: str, seed: str, greeting: str
) -> None:
    async with world.browser() as client:
        client.headers["Accept-Language"] = language
        chat = await chat_of(client)

    assert chat["seed"] == seed
    assert [(turn["author"], turn["text"]) for turn in chat["turns"]] == [("seed", greeting)]
    assert chat["awaited"] is None


async def test_a_visitor_who_comes_back_finds_the_chat_as_it_was(world: World) -> None:
    async with world.visitor() as client:
        await say(client, "The internet is down.")
        await world.reply("I am checking the line.")

        chat = await chat_of(client)

    assert texts(chat) == ["What happened?", "The internet is down.", "I am checking the line."]
    assert await world.log.unsent("web") == []


async def test_a_message_waits_until_it_is_answered(world: World) -> None:
    async with world.visitor() as client:
        await say(client, "Hello?")

        chat = await chat_of(client)

    assert chat["awaited"] == "say"
    assert chat["turns"][-1]["state"] == "waiting"
    assert [asked.text for asked in await world.asked()] == ["Hello?"]


async def test_any_unicode_comes_back_as_it_was_said(world: World) -> None:
    said = "a\r\nb\u2028\u0000\ud800 <b>&amp;\U0001f99c"
    async with world.visitor() as client:
        body = '{"text": "a\\r\\nb\\u2028\\u0000\\ud800 <b>&amp;\\ud83e\\udd9c"}'
        response = await client.post("/api/messages", content=body, headers={"Content-Type": "application/json"})

        assert response.status_code == 204
        assert texts(await chat_of(client))[-1] == said


async def test_another_seed_begins_another_dialogue(world: World) -> None:
    async with world.visitor() as client:
        await say(client, "Hello.")

        assert (await client.post("/api/new", json={"seed": "talk-ru"})).status_code == 204
        chat = await chat_of(client)

    assert (chat["seed"], texts(chat)) == ("talk-ru", ["Привет! О чём поговорим?"])
    assert await world.asked() == []


async def test_starting_anew_keeps_the_seed(world: World) -> None:
    async with world.visitor() as client:
        await client.post("/api/new", json={"seed": "talk-ru"})
        await say(client, "Привет!")

        await client.post("/api/new", json={})
        chat = await chat_of(client)

    assert (chat["seed"], texts(chat)) == ("talk-ru", ["Привет! О чём поговорим?"])


async def test_a_retried_reply_is_replaced_by_its_new_version(world: World) -> None:
    async with world.visitor() as client:
        await say(client, "Hello.")
        await world.reply("First.")

        await client.post("/api/retry", json={})
        assert (await chat_of(client))["awaited"] == "retry"
        await world.reply("Second.")
        chat = await chat_of(client)

    assert texts(chat) == ["What happened?", "Hello.", "Second."]
    assert chat["turns"][-1]["version"] == 2
    assert chat["awaited"] is None


async def test_a_continued_reply_grows(world: World) -> None:
    async with world.visitor() as client:
        await say(client, "Tell me a story.")
        await world.reply("Once upon a time")

        await client.post("/api/continue", json={})
        assert [asked.ask for asked in await world.asked()] == [Ask.CONTINUE]
        await world.reply("there was a parrot.")

        assert texts(await chat_of(client))[-1] == "Once upon a time there was a parrot."


async def test_the_last_exchange_can_be_taken_back(world: World) -> None:
    async with world.visitor() as client:
        await say(client, "Oops.")
        await world.reply("Pardon?")

        await client.post("/api/undo", json={})

        assert texts(await chat_of(client)) == ["What happened?"]


async def test_a_cancelled_message_stays_without_a_reply(world: World) -> None:
    async with world.visitor() as client:
        await say(client, "Never mind.")
        asked = await world.asked()

        await client.post("/api/cancel", json={})
        await world.reply("Too late.", asked=asked)
        chat = await chat_of(client)

    assert texts(chat) == ["What happened?", "Never mind."]
    assert (chat["turns"][-1]["state"], chat["awaited"]) == ("cancelled", None)


async def test_a_message_that_could_not_be_answered_says_so(world: World) -> None:
    async with world.visitor() as client:
        await say(client, "Hello?")
        await world.reply("", Outcome.ENGINE_DOWN)

        chat = await chat_of(client)

    assert (chat["turns"][-1]["state"], chat["awaited"]) == ("failed", None)


async def test_what_a_visitor_said_can_be_erased(world: World) -> None:
    async with world.visitor() as client:
        await say(client, "My secret.")
        await world.reply("I keep it.")

        assert (await client.post("/api/forget", json={})).status_code == 204

        assert texts(await chat_of(client)) == ["What happened?"]


async def test_visitors_see_their_own_chat_only(world: World) -> None:
    async with world.visitor() as one, world.visitor() as other:
        await say(one, "My secret.")

        assert texts(await chat_of(other)) == ["What happened?"]


async def test_seeds_are_listed_with_what_people_need_to_choose(world: World) -> None:
    async with world.browser() as client:
        seeds = (await client.get("/api/seeds")).json()

    assert [seed["name"] for seed in seeds] == [seed.name for seed in SEEDS]
    assert seeds[0]["title"] == "Support"
    assert "text" not in seeds[0]


@pytest.mark.parametrize(
    ("body", "status", "sentence"),
    [
        ({"text": "  \n"}, 422, "The message is empty."),
        ({"text": "x" * 201}, 422, "Too long: 201 characters, and at most 200 are taken."),
        ({"text": 5}, 422, "The server did not understand the request."),
        ({}, 422, "The server did not understand the request."),
        ([], 422, "The server did not understand the request."),
        ({"text": "x" * 70_000}, 413, "The request is too large: at most 64 KiB are taken."),
    ],
)
async def test_a_message_that_cannot_be_taken_gets_a_sentence(
    world: World, body: object, status: int, sentence: str
) -> None:
    async with world.visitor() as client:
        response = await client.post("/api/messages", json=body)

    assert (response.status_code, response.json()["error"]) == (status, sentence)
    assert await world.asked() == []


async def test_a_refusal_speaks_the_language_of_the_browser(world: World) -> None:
    async with world.visitor() as client:
        response = await client.post("/api/messages", json={"text": " "}, headers={"Accept-Language": "ru,en;q=0.5"})

    assert response.json()["error"] == "Сообщение пустое."


async def test_too_many_waiting_messages_are_refused_and_none_is_dropped(world: World) -> None:
    async with world.visitor() as client:
        for number in range(20):
            await say(client, str(number))
        response = await client.post("/api/messages", json={"text": "one more"})

    assert (response.status_code, response.json()["reason"]) == (429, "too_many_waiting")
    assert [asked.text for asked in await world.asked()] == [str(number) for number in range(20)]


async def test_an_unknown_seed_is_refused_and_the_chat_stays(world: World) -> None:
    async with world.visitor() as client:
        await say(client, "Hello.")
        response = await client.post("/api/new", json={"seed": "nobody"})

        assert (response.status_code, response.json()["reason"]) == (422, "unknown_seed")
        assert texts(await chat_of(client))[-1] == "Hello."


async def test_nobody_acts_without_the_cookie(world: World) -> None:
    async with world.browser() as client:
        responses = [await client.post(f"/api/{post}", json={"text": "Hello."}) for post in POSTS]

    assert {(response.status_code, response.json()["reason"]) for response in responses} == {(401, "no_visitor")}


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.test"},
        {"Origin": "null"},
        {"Origin": "http://chat.test.evil.test"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
async def test_pages_of_other_sites_are_refused(world: World, headers: dict[str, str]) -> None:
    async with world.visitor() as client:
        responses = [await client.post(f"/api/{post}", json={"text": "Hello."}, headers=headers) for post in POSTS]

    assert {(response.status_code, response.json()["reason"]) for response in responses} == {(403, "foreign_origin")}
    assert await world.asked() == []


@pytest.mark.parametrize("path", ["chat", "events", "seeds", "settings", "mydata"])
async def test_other_sites_cannot_read_either(world: World, path: str) -> None:
    async with world.visitor() as client:
        response = await client.get(f"/api/{path}", headers={"Origin": "https://evil.test"})

    assert response.status_code == 403


async def test_a_visitor_chooses_how_the_bot_answers_and_whether_it_learns(world: World) -> None:
    async with world.visitor() as client:
        before = (await client.get("/api/settings", headers={"Accept-Language": "ru"})).json()
        taken = await client.post("/api/settings", json={"name": "training", "value": "no"})
        refused = await client.post("/api/settings", json={"name": "training", "value": "never"})
        after = (await client.get("/api/settings")).json()

    assert [each["title"] for each in before] == ["Характер", "Длина ответов", "Обучение"]
    assert (taken.status_code, refused.status_code) == (204, 422)
    assert [each["value"] for each in before] == ["usual", "usual", "yes"]
    assert [each["value"] for each in after] == ["usual", "usual", "no"]


async def test_visitors_get_all_that_is_kept_of_them_and_of_nobody_else(world: World) -> None:
    async with world.visitor() as client, world.visitor() as other:
        await say(client, "The internet is down.")
        await say(other, "Nobody's business.")
        response = await client.get("/api/mydata")
    async with world.browser() as stranger:
        unknown = await stranger.get("/api/mydata")

    assert response.headers["Content-Disposition"] == 'attachment; filename="mydata.json"'
    assert "The internet is down." in response.text
    assert "Nobody's business." not in response.text
    assert unknown.status_code == 401


async def test_only_json_is_taken_because_forms_of_other_sites_cannot_send_it(world: World) -> None:
    plain = {"Content-Type": "text/plain"}
    async with world.visitor() as client:
        responses = [await client.post(f"/api/{post}", content='{"text": "Hello."}', headers=plain) for post in POSTS]

    assert {(response.status_code, response.json()["reason"]) for response in responses} == {(415, "not_json")}


async def test_every_response_carries_the_secure_headers(world: World) -> None:
    async with world.visitor() as client:
        responses = [
            await client.get("/"),
            await client.get("/static/chat.js"),
            await client.get("/static/none.js"),
            await client.get("/none"),
            await client.get("/docs"),
            await client.get("/api/chat"),
            await client.get("/api/seeds"),
            await client.get("/api/messages"),
            await client.post("/api/messages", json={"text": "Hello."}),
            await client.post("/api/messages", json={"text": ""}),
            await client.post("/api/messages", json={"text": "x"}, headers={"Origin": "https://evil.test"}),
        ]

    assert [response.status_code for response in responses] == [200, 200, 404, 404, 404, 200, 200, 405, 204, 422, 403]
    for response in responses:
        assert {name: response.headers[name] for name in HEADERS} == HEADERS


async def test_the_page_brings_no_script_and_no_style_of_its_own(world: World) -> None:
    async with world.browser() as client:
        page = (await client.get("/", headers={"Accept-Language": "ru"})).text

    assert '<html lang="ru">' in page
    assert page.count("<script") == page.count('<script type="module" src="/static/')
    assert "<style" not in page
    assert "style=" not in page


async def test_a_person_calls_an_operator_and_the_page_says_so(world: World) -> None:
    async with world.visitor() as client:
        assert (await chat_of(client))["operator"] == ""

        assert (await client.post("/api/human", json={})).status_code == 204

        assert (await chat_of(client))["operator"] == "called"
