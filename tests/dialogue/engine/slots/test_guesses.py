"""What may come next, judged by what came before."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dialogue.engine.slots.guesses import Guesses


def test_what_followed_the_longest_run_that_stood_before_is_guessed() -> None:
    assert Guesses().following([1, 2, 3, 7, 8, 9, 3, 5, 2, 3], 2) == [7, 8]


def test_of_two_places_the_later_counts() -> None:
    assert Guesses().following([1, 2, 1, 3, 1], 1) == [3]


def test_nothing_is_guessed_after_what_was_never_there() -> None:
    assert Guesses().following([1, 2, 3], 4) == []


def test_a_text_that_repeats_one_token_is_guessed_from_its_end() -> None:
    assert Guesses().following([5, 5, 5], 4) == [5]


@given(st.lists(st.integers(0, 3), min_size=1, max_size=60), st.integers(1, 5))
def test_a_text_that_grows_is_guessed_like_one_that_is_whole(tokens: list[int], most: int) -> None:
    growing = Guesses()
    for end in range(1, len(tokens) + 1):
        guess = growing.following(tokens[:end], most)
        assert guess == Guesses().following(tokens[:end], most)
        assert len(guess) <= most
