"""The login: what opens it, what keeps guessers out, and where it leads (G29)."""

from __future__ import annotations

import asyncio
from urllib.parse import quote, urljoin

import pytest
from argon2 import PasswordHasher
from httpx import ASGITransport, AsyncClient, Response

from bot.review.access import COOKIE
from storage.operators import Role
from tests.bot.review.world import ORIGIN, PASSWORD, World, log_in

NAME = Role.REVIEWER.value
ELSEWHERE = [
    "//evil.test",
    "///evil.test",
    "/\\evil.test",
    "\\\\evil.test",
    "/review\\..\\..\\evil",
    "/review/x\\..\\..\\..\\api",
    "/review/%5c%5cevil.test",
    "https://evil.test/review",
    "https:evil.test",
    "https:/review",
    "javascript:alert(1)//review",
    "data:text/html,/review",
    "/review/..//evil.test",
    "/review/../api/chat",
    "/review/%2e%2e//evil.test",
    "/review/.%2E/%2fevil.test",
    "/review/..%2fapi",
    "%2f%2fevil.test",
    "/%2fevil.test",
    "/review//evil.test",
    "/reviewers",
    "/review.evil.test",
    "review",
    " /review",
    "/\t/evil.test",
    "/\n/evil.test",
    "/rev\tiew/\t/evil.test",
    "/review/\r\nSet-Cookie: x=y",
    "/review/\u2028",
    "//[",
    "/review//[",
    "http://[evil",
    "@evil.test",
    "",
]


@pytest.fixture
async def stranger(world: World) -> AsyncClient:
    return world.browser()


async def guess(client: AsyncClient, name: str, times: int) -> list[int]:
    return [(await log_in(client, name, "a wrong password")).status_code for _ in range(times)]


def session_of(answer: Response) -> str:
    return answer.cookies[COOKIE]


async def test_a_fresh_installation_has_no_account_to_log_in_to(world: World, stranger: AsyncClient) -> None:
    for name, password in [("admin", "admin"), ("admin", "password"), ("admin", ""), ("", ""), ("root", "govorun")]:
        answer = await log_in(stranger, name, password)

        assert (answer.status_code, COOKIE in answer.cookies) == (401, False)


async def test_the_cookie_is_for_the_browser_and_for_the_review_alone(world: World, stranger: AsyncClient) -> None:
    plain = (await log_in(stranger, NAME)).headers["set-cookie"]
    async with AsyncClient(transport=ASGITransport(world.app), base_url="https://review.test") as browser:
        encrypted = (await log_in(browser, NAME)).headers["set-cookie"]

    for cookie in (plain, encrypted):
        assert {"HttpOnly", "Path=/review", "SameSite=lax"} <= set(cookie.split("; "))
        assert "Max-Age" not in cookie and "Domain" not in cookie
    assert "Secure" not in plain
    assert "Secure" in encrypted.split("; ")


async def test_a_page_of_another_site_cannot_log_anybody_in(world: World, stranger: AsyncClient) -> None:
    stranger.headers["Origin"] = "http://evil.test"

    answer = await log_in(stranger, NAME)

    assert (answer.status_code, COOKIE in answer.cookies) == (403, False)


async def test_each_login_is_another_session_and_ends_the_one_before(world: World, stranger: AsyncClient) -> None:
    sessions = [session_of(await log_in(stranger, NAME)) for _ in range(3)]

    async with world.log.reviewing() as reading:
        kept = [await reading.session(each) is not None for each in sessions]
    assert len(set(sessions)) == 3
    assert kept == [False, False, True]


async def test_a_session_that_somebody_else_has_chosen_is_not_taken_on(world: World, stranger: AsyncClient) -> None:
    stranger.cookies.set(COOKIE, "chosen", path="/review")

    await log_in(stranger, NAME)

    async with world.log.reviewing() as reading:
        assert await reading.session("chosen") is None


async def test_logging_out_ends_the_session_on_the_server_too(world: World) -> None:
    async with world.operator() as operator, world.browser() as thief:
        stolen = operator.cookies[COOKIE]
        answer = await operator.post("/review/logout")
        thief.cookies.set(COOKIE, stolen)

        assert (await thief.get("/review/api/me")).status_code == 401
    assert answer.status_code == 204
    assert f'{COOKIE}=""' in answer.headers["set-cookie"]


async def test_a_wrong_password_and_an_unknown_name_are_answered_alike(world: World, stranger: AsyncClient) -> None:
    wrong, unknown = await log_in(stranger, NAME, "a wrong one"), await log_in(stranger, "nobody", "a wrong one")
    async with world.log.writing() as writing:
        await writing.set_operator_active(NAME, False)
    closed = await log_in(stranger, NAME)

    assert wrong.status_code == unknown.status_code == closed.status_code == 401
    assert wrong.text == unknown.text.replace('value="nobody"', f'value="{NAME}"') == closed.text
    assert {"content-length", "set-cookie"} & (wrong.headers.keys() ^ unknown.headers.keys()) == set()


async def test_after_five_failures_the_right_password_does_not_help_until_some_minutes_have_passed(
    world: World, stranger: AsyncClient
) -> None:
    failed = await guess(stranger, NAME, 5)
    sixth = await log_in(stranger, NAME)
    another = await log_in(world.browser(), Role.LEAD.value)
    for key in await world.redis.keys(f"{world.keys.prefix}throttle:*"):
        await world.redis.delete(key)
    later = await log_in(stranger, NAME)

    assert failed == [401] * 5
    assert (sixth.status_code, COOKIE in sixth.cookies) == (429, False)
    assert another.status_code == 303  # Who has not guessed is not kept out.
    assert later.status_code == 303


async def test_guessing_at_many_at_once_is_no_way_around_it(world: World, stranger: AsyncClient) -> None:
    answers = await asyncio.gather(*(log_in(stranger, NAME, "a wrong password") for _ in range(20)))

    assert sorted(answer.status_code for answer in answers) == [401] * 5 + [429] * 15


async def test_somebody_else_guessing_locks_nobody_out(world: World, stranger: AsyncClient) -> None:
    """The name alone is counted far higher: one address that is refused already does not count against it."""
    await guess(stranger, NAME, 60)
    elsewhere = ASGITransport(world.app, client=("192.0.2.7", 1))
    async with AsyncClient(transport=elsewhere, base_url=ORIGIN) as operator:
        assert (await log_in(operator, NAME)).status_code == 303


async def test_one_address_cannot_try_every_name(world: World, stranger: AsyncClient) -> None:
    answers = [(await log_in(stranger, f"name {number}", "a wrong one")).status_code for number in range(32)]

    assert answers == [401] * 30 + [429] * 2


async def test_logins_that_succeed_are_not_counted(world: World, stranger: AsyncClient) -> None:
    assert {(await log_in(stranger, NAME)).status_code for _ in range(31)} == {303}


async def test_nobody_is_led_elsewhere(world: World, stranger: AsyncClient) -> None:
    led = {}
    for target in ELSEWHERE:
        page = await stranger.get(f"/review/login?next={quote(target)}")
        answer = await stranger.post("/review/login", data={"name": NAME, "password": PASSWORD, "next": target})
        led[target] = ('name="next" value="/review"' in page.text, answer.status_code, answer.headers["location"])

    assert {target: where for target, where in led.items() if where != (True, 303, "/review")} == {}


@pytest.mark.parametrize("target", ["/review", "/review?q=a%20b&status=open", "/review/dialogues/abc?how=random"])
async def test_one_is_led_back_to_where_one_was_going(world: World, stranger: AsyncClient, target: str) -> None:
    sent_away = await stranger.get(target)
    form = await stranger.get(sent_away.headers["location"])
    answer = await stranger.post("/review/login", data={"name": NAME, "password": PASSWORD, "next": target})

    assert f'name="next" value="{target.replace("&", "&amp;")}"' in form.text
    assert urljoin(ORIGIN, answer.headers["location"]) == ORIGIN + target


@pytest.mark.parametrize(
    "form", [b"", b"%", b"\xff\xfe", b"name=%00&password=%00", b"name=" + b"x" * 2000, b"=" * 4096]
)
async def test_a_form_that_makes_no_sense_is_a_login_that_failed(
    world: World, stranger: AsyncClient, form: bytes
) -> None:
    assert (await stranger.post("/review/login", content=form)).status_code == 401


async def test_a_form_without_end_is_refused(world: World, stranger: AsyncClient) -> None:
    assert (await stranger.post("/review/login", content=b"x" * 5000)).status_code == 413


async def test_a_password_whose_hash_is_outdated_is_hashed_anew(world: World, stranger: AsyncClient) -> None:
    async with world.log.writing() as writing:
        await writing.rehash_password(NAME, PasswordHasher(time_cost=1, memory_cost=8192).hash(PASSWORD))

    answers = [(await log_in(stranger, NAME)).status_code for _ in range(2)]

    async with world.log.reviewing() as reading:
        found = await reading.password_of(NAME)
    assert answers == [303, 303]
    assert found is not None and "m=65536" in found[1]
