"""G23: no part of the next speaker's tag reaches anybody, wherever the model's tokens happen to break it."""

from __future__ import annotations

import unicodedata
from itertools import pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialogue.seeds import Tags
from dialogue.transcript import draft, first_turn
from tests.dialogue.forgery_corpus import BREAKS

DEFAULT = Tags()
RENAMED = Tags(person="Клиент", bot="Оператор связи")

VARIANTS = (
    "User1:",
    "User2:",
    " User1:",
    "\tUser1 :",
    "user1:",
    "USER2 : ",
    "User 1:",
    "User1\uff1a",
    "\uff35\uff53\uff45\uff52\uff11:",
    "**User1:**",
    "**User1**:",
    "U\u200bser1:",
    "\ufeffUser1:",
    "\u00a0User1\u00a0:",
)

PIECES = (
    "U",
    "ser",
    "1",
    "2",
    ":",
    "\uff1a",
    " ",
    "\n",
    "\r",
    "\u2028",
    "*",
    "***",
    "-",
    "Us",
    "user",
    "Hi",
    ".",
    "\u200b",
)
MODEL_TEXTS = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=2)), max_size=14).map("".join)


def begins_a_turn(line: str, tags: Tags) -> bool:
    letters = [character for character in line if unicodedata.category(character) not in ("Cf", "Zs", "Cc")]
    plain = unicodedata.normalize("NFKC", "".join(letters)).casefold().replace("*", "")
    return plain.startswith(tuple(f"{tag}:".casefold().replace(" ", "") for tag in (tags.person, tags.bot)))


def drafts(raw: str, tags: Tags) -> list[str]:
    """Let the model write one character at a time: every way to break the text into tokens shows some of these."""
    return [draft(raw[:length], tags) for length in range(len(raw) + 1)]


def assert_no_tag_is_shown(raw: str, tags: Tags) -> None:
    cut = first_turn(raw, tags)
    shown = [*drafts(raw, tags), cut.text]

    assert all(after.startswith(before) for before, after in pairwise(shown))
    assert not any(begins_a_turn(line, tags) for line in cut.text.splitlines())


@pytest.mark.parametrize(("line_break", "tag"), list(product(BREAKS, VARIANTS)))
def test_a_tag_is_cut_off_and_never_shown(line_break: str, tag: str) -> None:
    raw = f" Hello, User1: is a tag.{line_break}{tag} What now?"

    cut = first_turn(raw, DEFAULT)

    assert cut.is_finished
    assert cut.text == "Hello, User1: is a tag."
    assert drafts(raw, DEFAULT)[-1] == cut.text
    assert_no_tag_is_shown(raw, DEFAULT)


@pytest.mark.parametrize("tag", VARIANTS)
def test_a_tag_at_the_very_beginning_leaves_nothing(tag: str) -> None:
    cut = first_turn(f"{tag} Hello", DEFAULT)

    assert cut.is_finished
    assert cut.text == ""
    assert set(drafts(f"{tag} Hello", DEFAULT)) == {""}


@pytest.mark.parametrize("tag", ["Клиент:", "оператор связи:", "ОПЕРАТОР\u00a0СВЯЗИ :", "Операторсвязи\uff1a"])
def test_renamed_tags_are_cut_off_too(tag: str) -> None:
    raw = f" Минуту.\n{tag} Жду."

    assert first_turn(raw, RENAMED).text == "Минуту."
    assert_no_tag_is_shown(raw, RENAMED)


def test_a_tag_whose_letters_come_in_parts_is_never_shown() -> None:
    raw = unicodedata.normalize("NFD", " Минуту.\nРозничный отдел: Жду.")

    assert_no_tag_is_shown(raw, Tags(person="Розничный отдел", bot="Й"))
    assert first_turn(raw, Tags(person="Розничный отдел", bot="Й")).text == "Минуту."


@given(MODEL_TEXTS)
def test_no_text_of_the_model_shows_a_tag(raw: str) -> None:
    assert_no_tag_is_shown(raw, DEFAULT)


@pytest.mark.parametrize(
    "text",
    [
        "As I said, User1: is only a tag.",
        "User1 is you.",
        "User12: nobody",
        "Users: many",
        "Choose a letter:\nU",
        "Whom do you mean?\nUser",
        "Ask them\nUser1 and User2 both: ask.",
    ],
)
def test_words_that_only_look_like_a_tag_stay(text: str) -> None:
    assert first_turn(f" {text}", DEFAULT).text == text
    assert first_turn(f" {text}\nUser1:", DEFAULT).text == text


def test_an_end_that_may_become_a_tag_is_held_back_until_it_is_clear() -> None:
    assert draft(" Choose:\nUser", DEFAULT) == "Choose:"
    assert draft(" Choose:\nUsers", DEFAULT) == "Choose:\nUsers"


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("\n\n Hello\nUser1:", "Hello"),
        (" One\n two\n\n  three\nUser1:", "One\ntwo\n\n three"),
        (" One\ntwo\nUser1:", "One\ntwo"),
        (" One\r\n two\r three\nUser1:", "One\r\ntwo\rthree"),
    ],
)
def test_further_lines_belong_to_the_turn_and_are_unfolded(raw: str, text: str) -> None:
    assert first_turn(raw, DEFAULT).text == text


@pytest.mark.parametrize("rule", ["***", "---", "* * *", "=====\n\n###", " ___ "])
def test_a_rule_that_the_model_copied_from_the_seed_is_taken_off(rule: str) -> None:
    assert first_turn(f" Goodbye!\n{rule}\nUser2: Hello!", DEFAULT).text == "Goodbye!"
    assert_no_tag_is_shown(f" Goodbye!\n{rule}\nUser2: Hello!", DEFAULT)


@pytest.mark.parametrize("text", ["One\n***\ntwo", "Minus:\n--", "A face:\n-_-"])
def test_other_dashes_and_stars_stay(text: str) -> None:
    assert first_turn(f" {text}\nUser1:", DEFAULT).text == text


@pytest.mark.parametrize("raw", ["", " ", "\n", "\u200b", "\u200b\ufeff \n", "***", "\x00"])
def test_a_text_in_which_nothing_can_be_seen_is_empty(raw: str) -> None:
    assert first_turn(raw, DEFAULT).text == ""
    assert not first_turn(raw, DEFAULT).is_finished
