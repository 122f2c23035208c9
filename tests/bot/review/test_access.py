"""Every door of the review is shut to everybody who should not pass; the doors are found, not listed (G29)."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.review.access import COOKIE, CSRF_HEADER
from bot.settings import Settings
from storage.log.review.logins import IDLE_S, LONGEST_S
from storage.operators import Role
from tests.bot.review.doors import ENDLESS, SAFE, House, built, has_secure_headers, is_refused
from tests.bot.review.world import SUPPORT, World


@pytest.fixture
async def house(world: World, tmp_path: Path) -> House:
    return await built(world, tmp_path / "log.db")


def without_csrf_token(house: House) -> dict[str, str]:
    headers = house.page()
    del headers[CSRF_HEADER]
    return headers


def a_program(house: House) -> dict[str, str]:
    return {"Authorization": f"Bearer {house.token}"}


@pytest.mark.parametrize(
    ("shown", "meanwhile", "is_for_changes_only"),
    [
        pytest.param(lambda house: {}, "", False, id="a stranger"),
        pytest.param(lambda house: house.page(Cookie=f"{COOKIE}=made-up"), "", False, id="a made-up session"),
        pytest.param(lambda house: house.page(Origin="http://evil.test"), "", False, id="a page of another site"),
        pytest.param(lambda house: house.page(Origin="null"), "", False, id="a page in a sandbox"),
        pytest.param(lambda house: house.page(Origin="http://["), "", False, id="an origin that is none"),
        pytest.param(lambda house: house.page(**{"Sec-Fetch-Site": "cross-site"}), "", False, id="cross-site"),
        pytest.param(lambda house: house.page(**{"Sec-Fetch-Site": "same-site"}), "", False, id="a neighbour's page"),
        pytest.param(without_csrf_token, "", True, id="no CSRF token"),
        pytest.param(lambda house: house.page(**{CSRF_HEADER: "x" * 43}), "", True, id="a wrong CSRF token"),
        pytest.param(House.page, "DELETE FROM sessions", False, id="a session that was ended"),
        pytest.param(House.page, f"UPDATE sessions SET seen_at = seen_at - {IDLE_S}", False, id="an idle session"),
        pytest.param(
            House.page, f"UPDATE sessions SET created_at = created_at - {LONGEST_S}", False, id="a session of last week"
        ),
        pytest.param(House.page, "UPDATE operators SET is_active = 0", False, id="a session of a closed account"),
        pytest.param(a_program, "UPDATE operators SET is_active = 0", False, id="a token of a closed account"),
        pytest.param(a_program, "DELETE FROM tokens", False, id="a token that was revoked"),
        pytest.param(lambda house: {"Authorization": "Bearer"}, "", False, id="a bearer of nothing"),
        pytest.param(lambda house: {"Authorization": f"Basic {house.token}"}, "", False, id="another scheme"),
        pytest.param(lambda house: {"Authorization": f"Bearer {house.token} x"}, "", False, id="too much of a token"),
        pytest.param(lambda house: {"Authorization": f"Bearer {house.secret}"}, "", False, id="a cookie as a token"),
    ],
)
async def test_nobody_comes_in(
    house: House, shown: Callable[[House], dict[str, str]], meanwhile: str, is_for_changes_only: bool
) -> None:
    headers = shown(house)
    if meanwhile:
        house.change(meanwhile)
    before = house.everything()
    requests = [each for each in house.requests() if not is_for_changes_only or each[0] not in SAFE]

    answers = {request: await house.ask(request, headers) for request in requests}

    assert len(requests) >= (12 if is_for_changes_only else 25)
    assert [request for request, answer in answers.items() if not is_refused(answer)] == []
    assert [request for request, answer in answers.items() if "light" in answer.text] == []
    assert [request for request, answer in answers.items() if not has_secure_headers(answer)] == []
    assert house.everything() == before


async def test_a_reviewer_comes_in_where_the_strangers_did_not(house: House) -> None:
    """The refusals above are worth something only where the same requests are taken otherwise."""
    answers = {}
    for request in house.requests():
        if request == ENDLESS:
            continue
        async with house.world.log.writing() as writing:  # One of them logs out.
            house.secret, session = await writing.open_session(house.world.operators[Role.REVIEWER], "a browser")
        answers[request] = await house.ask(request, house.page(**{CSRF_HEADER: session.csrf_token}))

    refused = {request: answer.json()["reason"] for request, answer in answers.items() if is_refused(answer)}
    assert refused == {
        ("POST", "/review/api/bulk"): "role_needed",
        ("PUT", f"/review/api/seeds/{SUPPORT.name}"): "role_needed",
        ("GET", "/review/api/audit"): "role_needed",
        ("GET", "/review/audit"): "role_needed",
    }
    assert all(has_secure_headers(answer) for answer in answers.values())
    assert max(answer.status_code for answer in answers.values()) < 500


@pytest.mark.parametrize("role", [Role.LEAD, Role.ADMIN])
async def test_leads_and_admins_may_do_what_reviewers_may_not(world: World, role: Role) -> None:
    async with world.operator(role) as operator:
        bulk = await operator.post("/review/api/bulk", json={"dialogues": [], "change": {}})
        audit, page = await operator.get("/review/api/audit"), await operator.get("/review/audit")
        file = {"content": SUPPORT.content.decode(), "follows": 0}
        seed = await operator.put(f"/review/api/seeds/{SUPPORT.name}", json=file)

    assert [each.status_code for each in (bulk, audit, page, seed)] == [200, 200, 200, 200]


async def test_a_link_on_another_site_leads_to_a_page_but_not_into_the_api(house: House) -> None:
    followed = house.page(**{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"})
    del followed["Origin"]

    page = await house.ask(("GET", "/review"), followed)
    api = await house.ask(("GET", "/review/api/dialogues"), followed)

    assert (page.status_code, api.status_code) == (200, 403)


async def test_a_program_needs_no_csrf_token_and_sees_no_pages(house: House) -> None:
    path = f"/review/api/dialogues/{house.ids['dialogue_id']}"

    changed = await house.ask(("PATCH", path), a_program(house))
    page = await house.ask(("GET", "/review"), a_program(house))

    assert changed.status_code == 200
    assert is_refused(page)


@pytest.mark.parametrize("path", ["/review/api/dialogues/1/notes", "/review/api/password"])
async def test_a_strangers_body_is_not_read_to_its_end(world: World, path: str) -> None:
    async with world.browser() as stranger:
        answer = await stranger.post(path, content=b'{"text": "' + b"x" * 1024 * 1024 + b'"}')

    assert (answer.status_code, answer.json()["reason"]) == (413, "body_too_large")


async def test_a_static_file_is_for_everybody_and_as_strict(world: World) -> None:
    async with world.browser() as stranger:
        answer = await stranger.get("/static/review.js")

    assert answer.status_code == 200
    assert has_secure_headers(answer)


def test_the_pages_are_served_to_this_machine_only_unless_somebody_says_otherwise() -> None:
    assert ipaddress.ip_address(Settings.model_fields["web_host"].default).is_loopback
