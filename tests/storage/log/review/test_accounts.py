"""Operators' accounts: who gets in, and who does not any more."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from dialogue.errors import ReviewError
from storage.log import tables
from storage.log.review.logins import IDLE_S, LONGEST_S
from storage.log.sql import transaction
from storage.log.sql_log import SqlLog
from storage.operators import Operator, Role, Session
from tests.storage.conftest import Clock
from tests.storage.log.places import an_operator


@pytest.fixture
async def olga(log: SqlLog) -> Operator:
    return await an_operator(log, "Olga")


async def log_in(log: SqlLog, operator: Operator, agent: str = "Firefox") -> tuple[str, Session]:
    async with log.writing() as writing:
        return await writing.open_session(operator, agent)


async def session(log: SqlLog, secret: str) -> Session | None:
    async with log.reviewing() as reading:
        return await reading.session(secret)


async def whose(log: SqlLog, token: str) -> str | None:
    async with log.reviewing() as reading:
        found = await reading.operator_with(token)
    return None if found is None else found[0].name


async def test_operators_are_listed_by_name(log: SqlLog, olga: Operator, clock: Clock) -> None:
    clock.now += 1
    async with log.writing() as writing:
        await writing.add_operator("Anna", Role.ADMIN, "hash")
        await writing.set_operator_role("Olga", Role.LEAD)
        await writing.set_operator_active("Olga", False)

    async with log.reviewing() as reading:
        found = await reading.operators()
    assert [(each.name, each.role, each.is_active, each.created_at) for each in found] == [
        ("Anna", Role.ADMIN, True, clock.now),
        ("Olga", Role.LEAD, False, clock.now - 1),
    ]


async def test_a_name_is_given_once(log: SqlLog, olga: Operator) -> None:
    with pytest.raises(ReviewError, match="passwd Olga"):
        async with log.writing() as writing:
            await writing.add_operator("Olga", Role.ADMIN, "another")

    async with log.reviewing() as reading:
        assert await reading.password_of("Olga") is not None
        assert [each.role for each in await reading.operators()] == [Role.REVIEWER]


async def test_nothing_is_changed_of_an_operator_whom_nobody_knows(log: SqlLog) -> None:
    async with log.writing() as writing:
        with pytest.raises(ReviewError, match="'Nobody'"):
            await writing.set_password("Nobody", "hash")
        with pytest.raises(ReviewError, match="'Nobody'"):
            await writing.set_operator_active("Nobody", False)
        with pytest.raises(ReviewError, match="'Nobody'"):
            await writing.set_operator_role("Nobody", Role.LEAD)


@pytest.mark.parametrize("name", ["Nobody", "olga", "Olga ", "", "\x00", "Olga\x00", "\ud83d", "' OR 1=1 --"])
async def test_whoever_is_not_an_operator_has_no_password(log: SqlLog, olga: Operator, name: str) -> None:
    async with log.reviewing() as reading:
        assert await reading.password_of(name) is None


async def test_an_operator_has_the_password_that_was_given_last(log: SqlLog, olga: Operator) -> None:
    async with log.writing() as writing:
        assert await writing.password_of("Olga") == (olga, "a hash")
        await writing.set_password("Olga", "another")
        assert await writing.password_of("Olga") == (olga, "another")
        await writing.rehash_password("Olga", "newer")
        assert await writing.password_of("Olga") == (olga, "newer")
        await writing.set_operator_active("Olga", False)
        assert await writing.password_of("Olga") is None
        await writing.set_operator_active("Olga", True)
        assert await writing.password_of("Olga") == (olga, "newer")


async def test_a_session_is_whose_browser_it_is(log: SqlLog, olga: Operator, clock: Clock) -> None:
    secret, opened = await log_in(log, olga, "Firefox \x00\ud83d" + "x" * 500)

    found = await session(log, secret)

    assert found is not None
    assert (found.operator.name, found.operator.role, found.csrf_token) == ("Olga", Role.REVIEWER, opened.csrf_token)
    assert found.agent == opened.agent == ("Firefox \x00\ud83d" + "x" * 500)[:200]
    assert (found.created_at, found.seen_at) == (clock.now, clock.now)
    assert len({secret, opened.csrf_token, opened.id}) == 3


async def test_a_session_has_the_role_of_now(log: SqlLog, olga: Operator) -> None:
    secret, _ = await log_in(log, olga)
    async with log.writing() as writing:
        await writing.set_operator_role("Olga", Role.ADMIN)

    found = await session(log, secret)

    assert found is not None
    assert found.operator.role is Role.ADMIN


async def test_a_session_that_is_not_used_ends(log: SqlLog, olga: Operator, clock: Clock) -> None:
    secret, _ = await log_in(log, olga)
    clock.now += IDLE_S - 1
    assert await session(log, secret) is not None
    clock.now += 1
    assert await session(log, secret) is None


async def test_a_session_that_is_used_goes_on_until_it_is_too_old(log: SqlLog, olga: Operator, clock: Clock) -> None:
    secret, opened = await log_in(log, olga)
    end = clock.now + LONGEST_S
    while clock.now < end - IDLE_S:
        clock.now += IDLE_S - 1
        async with log.writing() as writing:
            await writing.note_use(opened)
        assert await session(log, secret) is not None
    clock.now = end - 1
    assert await session(log, secret) is not None
    clock.now = end
    assert await session(log, secret) is None
    async with log.reviewing() as reading:
        assert await reading.sessions_of(olga.id) == []


async def test_use_is_noted_now_and_then(log: SqlLog, olga: Operator, clock: Clock) -> None:
    _, opened = await log_in(log, olga)
    async with log.writing() as writing:
        _, token = await writing.make_token(olga, "script")
    async with log.reviewing() as reading:
        assert not reading.is_use_due(opened)
        assert reading.is_token_use_due(token)
        clock.now += 60
        assert reading.is_use_due(opened)


async def test_a_new_login_takes_out_what_has_ended(log: SqlLog, olga: Operator, clock: Clock) -> None:
    await log_in(log, olga)
    clock.now += IDLE_S
    await log_in(log, olga)

    async with transaction(log._engines.reading) as connection:
        assert (await connection.execute(text("SELECT count(*) FROM sessions"))).scalar_one() == 1


@pytest.mark.parametrize("how", ["password", "disabled"])
async def test_sessions_and_tokens_end_with_the_password_and_the_account(log: SqlLog, olga: Operator, how: str) -> None:
    pavel = await an_operator(log, "Pavel")
    secret, _ = await log_in(log, olga)
    other, _ = await log_in(log, pavel)
    async with log.writing() as writing:
        token, _ = await writing.make_token(olga, "script")
        other_token, _ = await writing.make_token(pavel, "script")
        if how == "password":
            await writing.set_password("Olga", "another")
        else:
            await writing.set_operator_active("Olga", False)
            await writing.set_operator_active("Olga", True)

    assert await session(log, secret) is None
    assert await whose(log, token) is None
    assert await session(log, other) is not None
    assert await whose(log, other_token) == "Pavel"


async def test_of_a_disabled_operator_nothing_opens_even_if_it_was_left(log: SqlLog, olga: Operator) -> None:
    secret, _ = await log_in(log, olga)
    async with log.writing() as writing:
        token, _ = await writing.make_token(olga, "script")
    async with transaction(log._engines.writing) as connection:
        await connection.execute(tables.operators.update().values(is_active=False))

    assert await session(log, secret) is None
    assert await whose(log, token) is None


async def test_a_newer_hash_of_the_same_password_ends_nothing(log: SqlLog, olga: Operator) -> None:
    secret, _ = await log_in(log, olga)
    async with log.writing() as writing:
        await writing.rehash_password("Olga", "newer")

    assert await session(log, secret) is not None


async def test_one_logs_out_ones_own_browsers_only(log: SqlLog, olga: Operator, clock: Clock) -> None:
    pavel = await an_operator(log, "Pavel")
    secret, first = await log_in(log, olga, "Firefox")
    clock.now += 1
    _, second = await log_in(log, olga, "Chromium")
    async with log.reviewing() as reading:
        assert [each.agent for each in await reading.sessions_of(olga.id)] == ["Chromium", "Firefox"]
        assert await reading.sessions_of(pavel.id) == []

    async with log.writing() as writing:
        assert not await writing.end_session(first.id, pavel.id)
        assert await writing.end_session(first.id, olga.id)
        assert not await writing.end_session(first.id, olga.id)
        assert await writing.end_session(second.id)
    assert await session(log, secret) is None


async def test_a_token_is_shown_once_and_ended_by_whose_it_is(log: SqlLog, olga: Operator, clock: Clock) -> None:
    pavel = await an_operator(log, "Pavel")
    async with log.writing() as writing:
        secret, token = await writing.make_token(olga, "nightly \x00 export")
        await writing.make_token(olga, "other")
        await writing.note_token_use(token)
    async with log.reviewing() as reading:
        kept = await reading.tokens_of(olga.id)
    assert [(each.name, each.created_at, each.used_at) for each in kept] == [
        ("nightly \x00 export", clock.now, clock.now),
        ("other", clock.now, None),
    ]
    assert await whose(log, secret) == "Olga"

    async with log.writing() as writing:
        assert not await writing.end_token(token.id, pavel.id)
        assert await writing.end_token(token.id, olga.id)
    assert await whose(log, secret) is None


@pytest.mark.parametrize("guess", ["", "gvr_", "\x00", "\ud83d", "x" * 10_000])
async def test_no_guess_opens_anything(log: SqlLog, olga: Operator, guess: str) -> None:
    await log_in(log, olga)
    async with log.writing() as writing:
        await writing.make_token(olga, "script")

    assert await session(log, guess) is None
    assert await whose(log, guess) is None


async def test_nobody_gets_in_with_what_the_database_holds(log: SqlLog, olga: Operator) -> None:
    secret, _ = await log_in(log, olga)
    async with log.writing() as writing:
        token, _ = await writing.make_token(olga, "script")
    held: set[str] = set()
    async with transaction(log._engines.reading) as connection:
        for table in tables.metadata.sorted_tables:
            for row in (await connection.execute(table.select())).all():
                held.update(str(value) for value in row)

    assert {secret, token}.isdisjoint(held)
    assert len(held) > 10
    for value in held:
        assert await session(log, value) is None
        assert await whose(log, value) is None


def test_each_role_may_do_what_the_one_before_it_may() -> None:
    assert [[one.includes(other) for other in Role] for one in Role] == [
        [True, False, False],
        [True, True, False],
        [True, True, True],
    ]
