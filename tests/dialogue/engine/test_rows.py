"""Which row a text gets, and what it finds there."""

from __future__ import annotations

from dialogue.engine.request import Request
from dialogue.engine.rows import Rows
from dialogue.engine.vocabulary import Vocabulary
from dialogue.turns import Sampling
from tests.dialogue.engine.tiny import prompt, tiny_tokenizer

SEED = [1, 2, 3, 4]
TAG = [7, 8]


def text(*tokens: int) -> Request:
    """Return a text that is yet to be read: the seed, what was said, the bot's tag."""
    return Request(prompt("", Sampling()), [*SEED, *tokens, *TAG], Vocabulary(tiny_tokenizer()))


def read(rows: Rows, request: Request, free: set[int]) -> int:
    """Give a text a row and have it read."""
    row = rows.row_for(request, free)
    request.read_tokens = len(request.tokens)
    return row


def test_rows_that_were_never_used_come_first() -> None:
    rows = Rows()

    assert [read(rows, text(10 + number), {number, 3}) for number in range(3)] == [0, 1, 2]


def test_a_dialogue_comes_back_to_its_row_and_finds_all_but_what_is_new() -> None:
    rows = Rows()
    for number in range(3):
        read(rows, text(10 + number), {0, 1, 2})
    next_turn = text(11, *TAG, 20, 21)

    row = rows.row_for(next_turn, {0, 1, 2})

    assert (row, next_turn.read_tokens, next_turn.reused_tokens) == (1, 7, 7)


def test_a_new_dialogue_takes_the_row_that_was_used_least_recently_and_keeps_the_seed() -> None:
    rows = Rows()
    for number in range(3):
        read(rows, text(10 + number), {0, 1, 2})
    read(rows, text(10, *TAG, 20), {0, 1, 2})  # Row 0 once more.
    newcomer = text(99)

    assert (rows.row_for(newcomer, {0, 1, 2}), newcomer.reused_tokens) == (1, len(SEED))


def test_the_seed_is_copied_from_a_row_that_is_in_use() -> None:
    rows = Rows()
    read(rows, text(10), {0, 1})
    newcomer = text(11)
    row = rows.row_for(newcomer, {1})

    assert (row, newcomer.read_tokens) == (1, 0)
    assert rows.donor_for(newcomer) == (0, len(SEED))


def test_what_was_not_read_yet_cannot_be_copied() -> None:
    rows = Rows()
    half = text(10)
    rows.row_for(half, {0, 1})
    half.read_tokens = 2
    newcomer = text(11)
    rows.row_for(newcomer, {1})

    assert rows.donor_for(newcomer) == (0, 2)


def test_the_last_token_is_always_read_again() -> None:
    rows = Rows()
    read(rows, text(10), {0})
    same = text(10)

    rows.row_for(same, {0})

    assert same.read_tokens == len(same.tokens) - 1


def test_nothing_is_reused_of_a_cache_that_was_thrown_away() -> None:
    rows = Rows()
    read(rows, text(10), {0})
    rows.clear()
    same = text(10)

    assert (rows.row_for(same, {0}), same.read_tokens) == (0, 0)
    assert rows.donor_for(same) is None
