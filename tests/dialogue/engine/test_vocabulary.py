"""G22 and half characters: what people write is never special, and what the model writes is never shown in parts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialogue.engine.vocabulary import GrowingText, Vocabulary
from tests.dialogue.engine.tiny import END, tiny_tokenizer

MARKERS = ("<tool_call>", "<|im_end|>", "[INST]")
BY_PEOPLE = st.lists(
    st.one_of(st.text(max_size=8), st.sampled_from((*MARKERS, "<|endoftext|>", "User2:", "</s>"))), max_size=8
).map("".join)


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return Vocabulary(tiny_tokenizer(markers=MARKERS))


@given(text=BY_PEOPLE)
def test_no_text_of_people_becomes_a_special_token(vocabulary: Vocabulary, text: str) -> None:
    special = {END, *range(320, 320 + len(MARKERS))}
    assert not special & set(vocabulary.encode_prompt(text))


@given(text=BY_PEOPLE)
def test_a_text_comes_back_as_it_was(vocabulary: Vocabulary, text: str) -> None:
    assert vocabulary.decode(vocabulary.encode(text)) == text


def test_the_opening_token_is_put_in_front_once_where_the_tokenizer_has_one() -> None:
    vocabulary = Vocabulary(tiny_tokenizer(opening=True))
    assert vocabulary.encode_prompt("<|endoftext|>Hello").count(END) == 1
    assert vocabulary.encode_prompt("Hello")[0] == END


def test_no_opening_token_is_invented(vocabulary: Vocabulary) -> None:
    assert vocabulary.encode_prompt("Hello") == vocabulary.encode("Hello")


def test_a_lone_surrogate_is_replaced(vocabulary: Vocabulary) -> None:
    assert vocabulary.decode(vocabulary.encode("a\ud800b")) == "a\ufffdb"


def test_white_space_that_was_added_to_a_vocabulary_stays_one_token() -> None:
    vocabulary = Vocabulary(tiny_tokenizer(markers=("\n\n\n",)))
    assert vocabulary.encode("\n\n\n") == [320]


@given(text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\ufffd"), max_size=20))
def test_a_growing_text_never_shows_half_a_character(vocabulary: Vocabulary, text: str) -> None:
    growing = GrowingText(vocabulary.decode, vocabulary.encode("User2: 😀"))
    for token in vocabulary.encode(text):
        growing.take(token)
        assert text.startswith(growing.text)
    assert growing.text == text


def test_bytes_that_are_no_character_do_not_hold_the_text_back(vocabulary: Vocabulary) -> None:
    half, whole = vocabulary.encode("😀")[:1], vocabulary.encode("ok")
    growing = GrowingText(vocabulary.decode, [])
    for token in (*half, *whole):
        growing.take(token)
    assert growing.text.endswith("ok")
