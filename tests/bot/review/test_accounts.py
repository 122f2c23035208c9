"""The queue, the figures and the operators' accounts through the API, for browsers and for programs."""

from __future__ import annotations

import time

import pytest
from httpx import AsyncClient

from storage.operators import Role
from tests.bot.review.test_api import API, a_dialogue, change
from tests.bot.review.world import PASSWORD, World, log_in


async def test_the_next_dialogue_is_one_that_nobody_has_decided_on(world: World, lead: AsyncClient) -> None:
    first, second = await a_dialogue(world), await a_dialogue(world, "It is dark.", "What is it?")

    async def next_one(**query: str) -> str | None:
        answer: str | None = (await lead.get(f"{API}/next", params=query)).json()["dialogue"]
        return answer

    assert await next_one() == second
    assert await next_one(besides=second) == first
    assert await next_one(how="random") in (first, second)
    assert await next_one(how="claimed") is None
    await change(lead, second, approval="rejected")
    assert await next_one() == first
    await change(lead, first, approval="approved")
    assert await next_one() is None
    assert (await lead.get(f"{API}/next", params={"how": "best"})).status_code == 422


async def test_the_figures_are_those_of_the_span_that_is_asked_for(world: World, lead: AsyncClient) -> None:
    dialogue_id = await a_dialogue(world)
    await change(lead, dialogue_id, approval="approved")
    now = time.time()

    lately = (await lead.get(f"{API}/overview", params={"since": now - 3600, "until": now + 60})).json()
    long_ago = (await lead.get(f"{API}/overview", params={"since": 1, "until": 2})).json()
    backwards = await lead.get(f"{API}/overview", params={"since": 2, "until": 1})

    assert [lately["total"][name] for name in ("dialogues", "messages", "replies", "approved")] == [1, 1, 1, 1]
    assert [(group["seed"], group["model"]) for group in lately["groups"]] == [("support-en", "scripted")]
    assert sum(map(sum, lately["course"])) == 2
    assert (long_ago["total"]["messages"], long_ago["groups"]) == (0, [])
    assert backwards.status_code == 422


async def test_the_audit_log_tells_who_did_what(world: World, lead: AsyncClient) -> None:
    dialogue_id = await a_dialogue(world)
    await change(lead, dialogue_id, approval="approved")
    await change(lead, dialogue_id, approval="rejected")

    last, before = (await lead.get(f"{API}/audit")).json()[:2]
    older = (await lead.get(f"{API}/audit", params={"before": last["id"]})).json()

    assert (last["operator"], last["action"], last["dialogue_id"]) == ("lead", "approval", dialogue_id)
    assert [(deed["before"], deed["after"]) for deed in (before, last)] == [("", "approved"), ("approved", "rejected")]
    assert older[0] == before


async def test_one_sees_who_one_is_and_who_the_others_are(world: World, lead: AsyncClient) -> None:
    async with world.log.writing() as writing:
        await writing.set_operator_active("reviewer", False)

    me, operators = (await lead.get(f"{API}/me")).json(), (await lead.get(f"{API}/operators")).json()

    assert me == {"name": "lead", "role": "lead"}
    assert [(each["name"], each["role"], each["is_active"]) for each in operators] == [
        ("admin", "admin", True),
        ("lead", "lead", True),
        ("reviewer", "reviewer", False),
    ]


async def test_a_token_is_shown_once_works_and_is_made_worthless(world: World, lead: AsyncClient) -> None:
    made = await lead.post(f"{API}/tokens", json={"name": "a script"})
    token = made.json()
    async with world.browser() as program:
        program.headers["Authorization"] = f"bearer {token['token']}"
        used = await program.get(f"{API}/me")
        account = await lead.get("/review/account")
        async with world.operator(Role.ADMIN) as another:
            not_theirs = await another.delete(f"{API}/tokens/{token['id']}")
        ended = [(await lead.delete(f"{API}/tokens/{token['id']}")).status_code for _ in range(2)]
        refused = await program.get(f"{API}/me")

    assert (made.status_code, used.json()["name"]) == (201, "lead")
    assert token["token"] not in account.text
    assert (not_theirs.status_code, ended, refused.status_code) == (404, [204, 404], 401)


async def test_a_browser_is_logged_out_from_another_one(world: World, lead: AsyncClient) -> None:
    async with world.operator(Role.LEAD) as forgotten, world.operator(Role.REVIEWER) as reviewer:
        async with world.log.reviewing() as reading:
            session = await reading.session(forgotten.cookies["govorun_operator"])
        assert session is not None
        path = f"{API}/sessions/{session.id}"

        not_theirs = await reviewer.delete(path)
        before = await forgotten.get(f"{API}/me")
        ended = [(await lead.delete(path)).status_code for _ in range(2)]
        after = await forgotten.get(f"{API}/me")

    assert (not_theirs.status_code, before.status_code) == (404, 200)
    assert (ended, after.status_code) == ([204, 404], 401)


async def test_another_password_ends_all_sessions_and_tokens(world: World, lead: AsyncClient) -> None:
    async with world.operator(Role.LEAD) as elsewhere, world.browser() as browser:
        wish = {"current": PASSWORD, "new": "another good password"}
        changed = await lead.post(f"{API}/password", json=wish)
        left = [(await each.get(f"{API}/me")).status_code for each in (lead, elsewhere)]
        logins = [(await log_in(browser, "lead", each)).status_code for each in wish.values()]

    assert changed.status_code == 204
    assert left == [401, 401]
    assert logins == [401, 303]


@pytest.mark.parametrize("new", ["short", "", "x" * 1025])
async def test_a_password_that_is_too_short_or_too_long_changes_nothing(
    world: World, lead: AsyncClient, new: str
) -> None:
    answer = await lead.post(f"{API}/password", json={"current": PASSWORD, "new": new})

    assert answer.status_code in (409, 422)
    assert (await lead.get(f"{API}/me")).status_code == 200


async def test_whoever_finds_a_browser_open_does_not_find_the_password_out(world: World, lead: AsyncClient) -> None:
    wrong = {"current": "a wrong password", "new": "another good password"}

    answers = [(await lead.post(f"{API}/password", json=wrong)).status_code for _ in range(6)]
    right = await lead.post(f"{API}/password", json={**wrong, "current": PASSWORD})

    assert answers == [403] * 5 + [429]
    assert right.status_code == 429
