"""Passwords as they are kept and compared."""

from __future__ import annotations

import asyncio

import pytest
from argon2 import PasswordHasher

from bot.review.passwords import LONGEST, SHORTEST, Passwords, hashed
from dialogue.errors import ReviewError

PASSWORD = "correct horse battery"


@pytest.mark.parametrize("password", ["", "x" * (SHORTEST - 1), "x" * (LONGEST + 1)])
def test_a_password_that_is_too_short_or_too_long_is_refused(password: str) -> None:
    with pytest.raises(ReviewError, match=f"{SHORTEST} to {LONGEST} characters, this one has {len(password)}"):
        hashed(password)


def test_what_is_kept_is_argon2id_and_new_each_time() -> None:
    first, second = hashed(PASSWORD), hashed(PASSWORD)

    assert first.startswith("$argon2id$")
    assert first != second
    assert PASSWORD not in first


@pytest.mark.parametrize(
    "password", [PASSWORD, "пароль из двух слов", "\ud800" * SHORTEST, "\0" * SHORTEST, "x" * LONGEST]
)
async def test_the_right_password_is_right_and_no_other(password: str) -> None:
    passwords = Passwords()
    kept = await passwords.hashed(password)

    assert await passwords.is_right(password, kept)
    for wrong in ("", password[:-1], password + "x", password.swapcase() + "x", "x" + password):
        assert not await passwords.is_right(wrong, kept)


@pytest.mark.parametrize("kept", [None, "", "no hash", "$argon2id$v=19$m=65536,t=3,p=4$broken"])
async def test_no_password_is_right_where_there_is_no_account(kept: str | None) -> None:
    passwords = Passwords()

    for password in ("", "nobody's", PASSWORD):
        assert not await passwords.is_right(password, kept)


async def test_many_are_compared_two_at_a_time_and_the_rest_goes_on_meanwhile() -> None:
    passwords = Passwords()
    kept = hashed(PASSWORD)
    beats = 0

    async def beat() -> None:
        nonlocal beats
        while True:
            await asyncio.sleep(0.001)
            beats += 1

    beating = asyncio.create_task(beat())
    answers = await asyncio.gather(*(passwords.is_right(PASSWORD, kept) for _ in range(6)))
    beating.cancel()

    assert answers == [True] * 6
    assert beats > 6


def test_a_hash_of_weaker_parameters_is_outdated() -> None:
    assert not Passwords.is_outdated(hashed(PASSWORD))
    assert Passwords.is_outdated(PasswordHasher(time_cost=1, memory_cost=8192).hash(PASSWORD))
