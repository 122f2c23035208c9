from __future__ import annotations

from dataclasses import replace

import pytest

from dialogue.seed_lint import lint
from dialogue.seeds import Seed, Tags, load_seeds, read_seed
from dialogue.turns import Sampling

TEXT = "Two people talk.\n***\nUser1: Hi\nUser2: Hello!\n***"
SEED = read_seed(
    "talk.toml", b'name="talk"\nlanguage="en"\ntitle="T"\ndescription="D"\ntext="x"\nmax_message_chars=100'
)


def warnings_of(seed: Seed, context_tokens: int = 1000) -> list[str]:
    return lint(seed, count_tokens=lambda text: len(text.split()), context_tokens=context_tokens)


def test_a_good_seed_is_passed_without_a_word() -> None:
    assert warnings_of(replace(SEED, text=TEXT)) == []


@pytest.mark.parametrize("seed", load_seeds(), ids=lambda seed: seed.name)
def test_the_seeds_of_the_project_are_passed(seed: Seed) -> None:
    # Four characters a token is what English has; Gemma's Russian is about as dense.
    assert lint(seed, count_tokens=lambda text: len(text) // 4, context_tokens=2048) == []


def test_a_seed_that_leaves_less_than_half_the_context_is_reported() -> None:
    seed = replace(SEED, text=TEXT, sampling=Sampling(max_new_tokens=16), max_message_chars=10)

    (warning,) = warnings_of(seed, context_tokens=50)

    assert warning == (
        "talk.toml: text: 10 tokens of seed and 16 of reply (sampling.max_new_tokens) leave 24 of 50 for the dialogue; "
        "at least half should be left"
    )


def test_messages_too_long_for_the_context_are_reported() -> None:
    seed = replace(SEED, text=TEXT, max_message_chars=20_000)

    (warning,) = warnings_of(seed)

    assert warning.startswith("talk.toml: max_message_chars: a message of 20000 characters has about ")


def test_an_ngram_that_is_short_enough_to_forbid_the_end_of_a_turn_is_reported() -> None:
    def count_tokens(text: str) -> int:
        return 1 + len(text)  # One opens every text; "." and a line with "User1:" are eight.

    def warnings_at(length: int) -> list[str]:
        seed = replace(SEED, text=TEXT, sampling=Sampling(no_repeat_ngram=length))
        return lint(seed, count_tokens, context_tokens=1000)

    assert (warnings_at(0), warnings_at(9)) == ([], [])
    assert warnings_at(8) == [
        "talk.toml: sampling.no_repeat_ngram: 8 forbids the end of a turn: a full stop, a new line and User1: have "
        "8 tokens, which stand in the prompt already"
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (f"{TEXT}\n", "ends with white space"),
        ("Two people talk. \nUser2: Hello!", "line 1 ends with white space"),
        ("Two people talk.", "shows no turn of User2"),
        ("Two people talk.\nUser1: Hi\nUser2:Hello!", 'line 3 must be "User2:", one space and words'),
        ("Two people talk.\nUser1: Hi\nUser2 : Hello!", 'line 3 must be "User2:", one space and words'),
        ("Two people talk.\nUser2: Hi\nUser2: Hello!", "line 3 is the second turn of User2 running"),
        ("Two people talk.\nUser2: Hi\nuser1: Hello!", '"user1:" begins a line, but the tags are "User1" and "User2"'),
        ("Talk.\nUser2: Hi\nAnna: Hello!\nUser2: So?\nAnna: Yes.", '"Anna:" begins a line'),
    ],
)
def test_a_flaw_of_the_text_is_reported(text: str, problem: str) -> None:
    assert any(warning.startswith(f"talk.toml: text: {problem}") for warning in warnings_of(replace(SEED, text=text)))


def test_the_next_example_may_begin_with_the_speaker_who_ended_the_last_one() -> None:
    assert warnings_of(replace(SEED, text="Talk.\nUser2: Bye!\n***\nUser2: Hello!")) == []


def test_folded_lines_belong_to_their_turn() -> None:
    assert warnings_of(replace(SEED, text="Talk.\nUser1: Hi\n again: here I am\nUser2: Hello!")) == []


def test_renamed_tags_are_the_seeds_tags() -> None:
    seed = replace(SEED, text="Чат.\nКлиент: Привет\nОператор: Добрый день!", tags=Tags("Клиент", "Оператор"))

    assert warnings_of(seed) == []
