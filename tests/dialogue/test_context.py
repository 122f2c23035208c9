"""Fitting a dialogue into the context."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialogue.context import fitted_prompt
from dialogue.errors import PromptTooLong
from dialogue.turns import Dialogue, Speaker
from tests.fakes import SEED, said


def count(text: str) -> int:
    return len(text.split())


def test_what_fits_is_left_whole() -> None:
    assert "\nUser1: one\n" in fitted_prompt(SEED, said("one", "two", "three"), 100, count)


@given(st.integers(1, 60), st.integers(30, 80))
def test_the_prompt_fits_begins_with_the_seed_and_ends_with_the_last_message(turns: int, budget: int) -> None:
    dialogue = said(*[f"turn {index} of many" for index in range(turns * 2 - 1)])

    prompt = fitted_prompt(SEED, dialogue, budget, count)

    assert count(prompt) <= budget
    assert prompt.startswith(SEED.text + "\nUser1:")
    assert prompt.endswith(f"turn {turns * 2 - 2} of many\nUser2:")


def test_old_turns_go_in_blocks_so_that_the_front_stays_the_same_for_many_turns() -> None:
    dialogue = Dialogue()
    fronts: list[str] = []
    for index in range(100):
        dialogue = dialogue.then(Speaker.PERSON, f"question number {index}")
        fronts.append(fitted_prompt(SEED, dialogue, 100, count).split("\n")[1])
        dialogue = dialogue.then(Speaker.BOT, f"answer number {index}")

    changes = sum(before != after for before, after in itertools.pairwise(fronts))

    assert 5 <= changes <= 100 // 5


def test_a_last_message_that_cannot_fit_is_refused() -> None:
    with pytest.raises(PromptTooLong):
        fitted_prompt(SEED, said("word " * 50), 40, count)
