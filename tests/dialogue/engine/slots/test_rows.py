"""Which row a text gets, and what it finds there."""

from __future__ import annotations

from dataclasses import replace

from dialogue.engine.slots.request import Request
from dialogue.engine.slots.rows import Rows
from dialogue.engine.vocabulary import Vocabulary
from dialogue.turns import Sampling
from tests.dialogue.engine.tiny import prompt, tiny_tokenizer

SEED = [1, 2, 3, 4]
TAG = [7, 8]


def text(*tokens: int, adapter: str | None = None) -> Request:
    """Return a text that is yet to be read: the seed, what was said, the bot's tag."""
    asked = replace(prompt("", Sampling()), adapter=adapter)
    return Request(asked, [*SEED, *tokens, *TAG], Vocabulary(tiny_tokenizer()))


def read(rows: Rows, request: Request, free: set[int]) -> int:
    """Give a text a row and have it read."""
    row = rows.take(request, free)
    request.read_tokens = len(request.tokens)
    return row


def test_rows_that_were_never_used_come_first() -> None:
    rows = Rows(4)

    assert [read(rows, text(10 + number), {number, 3}) for number in range(3)] == [0, 1, 2]


def test_a_dialogue_comes_back_to_its_row_and_finds_all_but_what_is_new() -> None:
    rows = Rows(4)
    for number in range(3):
        read(rows, text(10 + number), {0, 1, 2})
    next_turn = text(11, *TAG, 20, 21)

    row = rows.take(next_turn, {0, 1, 2})

    assert (row, next_turn.read_tokens, next_turn.reused_tokens) == (1, 7, 7)


def test_a_new_dialogue_takes_the_row_that_was_used_least_recently_and_keeps_the_seed() -> None:
    rows = Rows(4)
    for number in range(3):
        read(rows, text(10 + number), {0, 1, 2})
    read(rows, text(10, *TAG, 20), {0, 1, 2})  # Row 0 once more.
    newcomer = text(99)

    assert (rows.take(newcomer, {0, 1, 2}), newcomer.reused_tokens) == (1, len(SEED))


def test_the_seed_is_copied_from_a_row_that_is_in_use() -> None:
    rows = Rows(4)
    read(rows, text(10), {0, 1})
    newcomer = text(11)
    row = rows.take(newcomer, {1})

    assert (row, newcomer.read_tokens) == (1, 0)
    assert rows.donor(newcomer) == (0, len(SEED))


def test_what_was_not_read_yet_cannot_be_copied() -> None:
    rows = Rows(4)
    half = text(10)
    rows.take(half, {0, 1})
    half.read_tokens = 2
    newcomer = text(11)
    rows.take(newcomer, {1})

    assert rows.donor(newcomer) == (0, 2)


def test_the_last_token_is_always_read_again() -> None:
    rows = Rows(4)
    read(rows, text(10), {0})
    same = text(10)

    rows.take(same, {0})

    assert same.read_tokens == len(same.tokens) - 1


def test_keys_of_another_adapter_are_of_no_use() -> None:
    rows = Rows(4)
    read(rows, text(10), {0})
    same_words = text(10, adapter="polite")

    assert rows.donor(same_words)[1] == 0
    assert (rows.take(same_words, {0}), same_words.read_tokens) == (0, 0)


def test_rows_that_were_exchanged_are_found_where_they_are_now() -> None:
    rows = Rows(4)
    read(rows, text(10), {0, 1})
    rows.swap(0, 3)
    next_turn = text(10, *TAG, 20)

    assert (rows.take(next_turn, {0, 1, 2, 3}), next_turn.read_tokens) == (3, 7)


def test_nothing_is_reused_of_a_cache_that_was_thrown_away() -> None:
    rows = Rows(4)
    read(rows, text(10), {0})
    rows.clear({})
    same = text(10)

    assert (rows.take(same, {0}), same.read_tokens) == (0, 0)
    assert rows.donor(same)[1] == 0
