"""Nobody changes sides within a dialogue, and a share is that share of the people."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialogue.casting import Promotion, SeedCasting, at_work, place_of, promotion_for
from tests.fakes import SEED, SEEDS, a_job

FIRST = Promotion(1, "support", "support", "sha256:a", share=0.1, began_at=100.0)

shares = st.floats(0.01, 0.99)
times = st.floats(0, 1000)
places = st.floats(0, 1, exclude_max=True)


def test_without_a_promotion_the_seed_answers_itself() -> None:
    assert promotion_for([], opened_at=0.0, place=0.0) is None


def test_what_is_for_everybody_is_for_open_dialogues_as_well() -> None:
    whole = replace(FIRST, share=1.0)

    assert promotion_for([whole], opened_at=50.0, place=0.99) == whole


def test_a_share_is_for_dialogues_that_begin_from_then_on() -> None:
    assert promotion_for([FIRST], opened_at=99.0, place=0.0) is None
    assert promotion_for([FIRST], opened_at=100.0, place=0.0) == FIRST
    assert promotion_for([FIRST], opened_at=100.0, place=0.1) is None


@given(shares, st.lists(st.tuples(shares, times), max_size=5), times, places)
def test_a_dialogue_stays_on_its_side_whatever_shares_come_later(
    share: float, later: list[tuple[float, float]], opened_at: float, place: float
) -> None:
    first = replace(FIRST, share=share, began_at=0.0)
    run = [first]
    for number, (next_share, after) in enumerate(later, 2):
        run.append(replace(first, id=number, share=next_share, began_at=run[-1].began_at + after + 0.001))
    begun = [each for each in run if each.began_at <= opened_at]

    sides = {promotion_for(run[:length], opened_at, place) is None for length in range(len(begun), len(run) + 1)}

    assert sides == {not place < begun[-1].share}


def test_another_adapter_begins_anew() -> None:
    other = replace(FIRST, id=2, adapter="sha256:b", began_at=200.0)

    assert promotion_for([FIRST, other], opened_at=150.0, place=0.0) is None
    assert promotion_for([FIRST, other], opened_at=200.0, place=0.0) == other


def test_what_is_at_work_is_the_last_with_its_earlier_shares() -> None:
    wider = replace(FIRST, id=3, share=0.5, began_at=300.0)
    other = replace(FIRST, id=2, adapter="sha256:b", began_at=200.0)

    assert at_work([FIRST, wider]) == [FIRST, wider]
    assert at_work([FIRST, other, wider]) == [wider]


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_a_share_is_that_share_of_the_people_and_other_people_for_another_seed(share: float) -> None:
    chosen = {seed: {chat for chat in range(4000) if place_of(chat, seed) < share} for seed in ("one", "two")}

    for chats in chosen.values():
        assert len(chats) == pytest.approx(4000 * share, abs=5 * (4000 * share * (1 - share)) ** 0.5)
    both = len(chosen["one"] & chosen["two"])
    assert both == pytest.approx(4000 * share**2, abs=5 * (4000 * share**2) ** 0.5)


async def test_a_seed_that_is_gone_is_answered_by_the_default_one() -> None:
    cast = await SeedCasting(SEEDS, SEED.name).cast(replace(a_job("Hi"), seed="gone"))

    assert cast.seed == SEED
    assert cast.adapter is None
