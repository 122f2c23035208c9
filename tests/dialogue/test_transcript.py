from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dialogue.errors import TranscriptError
from dialogue.seeds import Tags
from dialogue.transcript import first_turn, parse, render, stops
from dialogue.turns import Dialogue, Speaker, Turn

SEED = "Support of an internet provider.\n***\nUser1: Hi\nUser2: Hello!\n***"
TAGS = Tags()
ANY_TEXT = st.text(st.one_of(st.characters(exclude_categories=()), st.sampled_from("\n\r\v\f\x1c\x85\u2028 :1U")))
DIALOGUES = st.lists(st.builds(Turn, st.sampled_from(Speaker), ANY_TEXT), max_size=6).map(
    lambda turns: Dialogue(tuple(turns))
)


def said(*texts: str) -> Dialogue:
    """Let the person and the bot speak by turns, the person first."""
    speakers = [Speaker.PERSON, Speaker.BOT] * len(texts)
    return Dialogue(tuple(Turn(speaker, text) for speaker, text in zip(speakers, texts, strict=False)))


def test_a_prompt_is_the_seed_the_turns_and_the_open_tag_without_a_space() -> None:
    prompt = render(SEED, said("No internet.", "Since when?", "Since noon."), TAGS)

    assert prompt == f"{SEED}\nUser1: No internet.\nUser2: Since when?\nUser1: Since noon.\nUser2:"


def test_a_prompt_to_continue_ends_with_the_words_of_the_last_turn() -> None:
    prompt = render(SEED, said("No internet.", "One moment"), TAGS, continuing=True)

    assert prompt == f"{SEED}\nUser1: No internet.\nUser2: One moment"


@pytest.mark.parametrize("dialogue", [Dialogue(), said("No internet.")])
def test_only_a_turn_of_the_bot_can_be_continued(dialogue: Dialogue) -> None:
    with pytest.raises(TranscriptError, match="turn of the bot"):
        render(SEED, dialogue, TAGS, continuing=True)


def test_a_seed_may_rename_the_tags() -> None:
    tags = Tags(person="Клиент", bot="Оператор")

    prompt = render("Чат.", said("Нет связи."), tags)

    assert prompt == "Чат.\nКлиент: Нет связи.\nОператор:"
    assert parse(prompt, "Чат.", tags) == said("Нет связи.")
    assert stops(tags) == ("\nКлиент:", "\nОператор:")


def test_turns_of_one_speaker_in_a_row_stay_turns_of_their_own() -> None:
    dialogue = Dialogue().then(Speaker.PERSON, "Hello?").then(Speaker.PERSON, "Anybody there?")

    prompt = render("Seed.", dialogue, TAGS)

    assert prompt == "Seed.\nUser1: Hello?\nUser1: Anybody there?\nUser2:"
    assert parse(prompt, "Seed.", TAGS) == dialogue


def test_further_lines_of_a_turn_are_folded() -> None:
    assert render("Seed.", said("One\nTwo\r\n  Three"), TAGS) == "Seed.\nUser1: One\n Two\r\n   Three\nUser2:"


def test_a_turn_without_words_is_its_tag_alone() -> None:
    prompt = render("Seed.", said("", "", ""), TAGS)

    assert prompt == "Seed.\nUser1:\nUser2:\nUser1:\nUser2:"
    assert parse(prompt, "Seed.", TAGS) == said("", "", "")


@given(DIALOGUES, st.sampled_from([TAGS, Tags("Клиент", "Оператор"), Tags("A", "B. C")]))
@example(said("a\r", "\nb", "c\n", ""), TAGS)
@example(said("\r\n", "\n ", " ", "\u2028 User1: x"), TAGS)
@example(said("\ud800", "\udc00\ud800"), TAGS)
def test_every_dialogue_is_read_back_as_it_was_said(dialogue: Dialogue, tags: Tags) -> None:
    assert parse(render(SEED, dialogue, tags), SEED, tags) == dialogue


@given(ANY_TEXT.filter(bool))
def test_a_dialogue_to_be_continued_is_read_back_as_it_was_said(text: str) -> None:
    dialogue = said("Hello", text)

    assert parse(render(SEED, dialogue, TAGS, continuing=True), SEED, TAGS) == dialogue


@given(ANY_TEXT)
def test_a_reply_is_read_back_from_the_model_as_it_was_written_into_the_prompt(text: str) -> None:
    reply = first_turn(f"{text}\nUser1:", TAGS).text
    prompt = render("Seed.", said("Hello", reply), TAGS)
    raw = prompt.removeprefix("Seed.\nUser1: Hello\nUser2:").removesuffix("\nUser2:")

    assert first_turn(f"{raw}\nUser1:", TAGS).text == reply


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Another seed.\nUser1: Hi\nUser2:", "begin with the seed"),
        ("Seed. User1: Hi\nUser2:", "begin with the seed"),
        ("Seed.\nHi\nUser2:", "neither with a tag"),
        ("Seed.\nUser1: Hi\nthere\nUser2:", "neither with a tag"),
        ("Seed.\nUser1:Hi\nUser2:", "neither with a tag"),
        ("Seed.\nUser1: Hi\rUser2: there\nUser2:", "not folded"),
        ("Seed.\nUser1: Hi\u2028User2: there\nUser2:", "not folded"),
        ("Seed.\n", "neither with a tag"),
    ],
)
def test_text_outside_the_grammar_is_refused(text: str, reason: str) -> None:
    with pytest.raises(TranscriptError, match=reason):
        parse(text, "Seed.", TAGS)
