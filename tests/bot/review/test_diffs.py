"""Both texts in one, in pieces, out of which each can be read again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.review.diffs import Piece, differences


def old(pieces: tuple[Piece, ...]) -> str:
    return "".join(piece.text for piece in pieces if piece.kind in ("same", "removed"))


def new(pieces: tuple[Piece, ...]) -> str:
    return "".join(piece.text for piece in pieces if piece.kind in ("same", "added"))


def test_only_the_words_that_differ_are_marked() -> None:
    assert differences("Is the light on? Look again.", "Is the lamp on? Look again.") == (
        Piece("same", "Is the "),
        Piece("removed", "light"),
        Piece("added", "lamp"),
        Piece("same", " on? Look again."),
    )


def test_texts_that_have_little_in_common_stand_one_after_the_other() -> None:
    assert differences("Is the light on?", "Нет, не помню.") == (
        Piece("removed", "Is the light on?"),
        Piece("added", "Нет, не помню."),
    )


def test_equal_texts_have_one_piece_and_empty_ones_none() -> None:
    assert differences("The same.", "The same.") == (Piece("same", "The same."),)
    assert differences("", "") == ()


words = st.lists(st.sampled_from(["да", "no", " ", "\n", ".", "?", "ё", "\ud800", "<b>"]), max_size=12).map("".join)


@given(words, words)
def test_the_pieces_are_the_old_text_and_the_new_one(before: str, after: str) -> None:
    pieces = differences(before, after)

    assert (old(pieces), new(pieces)) == (before, after)
    assert all(piece.text for piece in pieces)


def test_long_texts_that_differ_in_a_word_are_still_compared_word_by_word() -> None:
    text = "слово за слово " * 2000

    assert differences(text + "конец", text + "начало") == (
        Piece("same", text),
        Piece("removed", "конец"),
        Piece("added", "начало"),
    )


def test_long_texts_that_differ_everywhere_are_not_compared_for_ever() -> None:
    before, after = "a " * 2000, "b a " * 2000

    assert differences(before, after) == (Piece("removed", before), Piece("added", after))
