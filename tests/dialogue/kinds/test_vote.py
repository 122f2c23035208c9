"""A vote of many variants, drawn at the same time."""

from __future__ import annotations

import asyncio
import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialogue.errors import EngineUnavailable
from dialogue.kinds.choosing import kind_of
from dialogue.kinds.vote import Vote, names_in
from dialogue.turns import Outcome
from tests.dialogue.kinds.conftest import MUSIC, reply_with
from tests.fakes import ScriptedEngine


async def test_the_most_frequent_name_wins() -> None:
    engine = ScriptedEngine([*["Кино» и «ДДТ».\n"] * 9, *["кино».\n"] * 2, "ДДТ».\n", *["nobody"] * 4])

    reply = await reply_with(MUSIC, engine, "rock")

    assert reply.text == "I am not sure, but this is what comes to mind:\n1. Кино — 11 of 16\n2. ДДТ — 10"
    assert reply.result == {
        "answer": "Кино",
        "votes": [{"name": "Кино", "votes": 11}, {"name": "ДДТ", "votes": 10}],
        "margin": 0.062,
        "variants": 16,
    }


async def test_a_clear_winner_needs_no_excuse() -> None:
    reply = await reply_with(MUSIC, ScriptedEngine([*["Blur».\n"] * 12, *["Muse».\n"] * 4]), "rock")

    assert reply.text == "1. Blur — 12 of 16\n2. Muse — 4"
    assert reply.result is not None
    assert reply.result["margin"] == 0.5


async def test_what_one_variant_alone_says_is_not_listed() -> None:
    reply = await reply_with(MUSIC, ScriptedEngine([*["Blur».\n"] * 14, "Muse».\n", "Pulp».\n"]), "rock")

    assert reply.text == "1. Blur — 14 of 16"


async def test_every_variant_is_drawn_at_once_of_one_prompt_and_logged() -> None:
    gate = asyncio.Event()
    engine = ScriptedEngine([*["Blur».\n"] * 16], gate=gate)
    answering = asyncio.create_task(reply_with(MUSIC, engine, "rock"))
    while engine.at_work < MUSIC.form.variants:
        await asyncio.sleep(0)
    gate.set()

    reply = await answering

    assert {prompt.text for prompt in engine.prompts} == {"A chat.\nWho hears rock will like «"}
    assert sorted(generation.draw for generation in reply.generations) == list(range(1, 17))


async def test_where_one_variant_fails_none_goes_on() -> None:
    engine = ScriptedEngine([*["Blur».\n"] * 3, EngineUnavailable("down"), *["Blur».\n"] * 12], gate=asyncio.Event())

    with pytest.raises(EngineUnavailable):
        await reply_with(MUSIC, engine, "rock")

    assert engine.at_work == 0


async def test_names_that_the_person_said_are_no_recommendation() -> None:
    engine = ScriptedEngine([*["The Blur» и «Muse».\n"] * 16])

    reply = await reply_with(MUSIC, engine, "blur and others")

    assert reply.result is not None
    assert reply.result["answer"] == "Muse"


async def test_a_vote_without_names_is_drawn_again_and_then_given_up() -> None:
    reply = await reply_with(MUSIC, ScriptedEngine([*["no name here"] * 48]), "rock")

    assert (reply.outcome, len(reply.generations)) == (Outcome.EMPTY, 48)


async def test_of_a_known_distribution_the_likeliest_name_nearly_always_wins() -> None:
    chance = random.Random(7)
    names = {"Blur": 0.6, "Muse": 0.3, "Pulp": 0.1}
    winners: Counter[str] = Counter()
    for _ in range(60):
        lines = chance.choices(list(names), list(names.values()), k=16)
        reply = await reply_with(MUSIC, ScriptedEngine([*(f"{name}».\n" for name in lines)]), "rock")
        assert reply.result is not None
        assert {each["name"]: each["votes"] for each in reply.result["votes"]} == Counter(lines)
        winners[reply.result["answer"]] += 1

    # The likeliest of 16 draws loses less than one time in ten at these odds.
    assert winners["Blur"] >= 50


@given(
    st.lists(st.text(alphabet="абв abc-'1", min_size=1, max_size=8).filter(lambda name: name.strip("-' ")), max_size=5)
)
def test_every_name_in_quotes_is_found(names: list[str]) -> None:
    line = " и ".join(f"«{name}»" for name in names)

    assert names_in(line, "«") == [name.strip() for name in names]


def test_the_kind_shows_nothing_before_the_votes_are_counted() -> None:
    kind = kind_of(MUSIC)

    assert isinstance(kind, Vote)
    assert kind.draft("Blur» и", MUSIC) == ""
