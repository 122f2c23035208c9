"""The rows of an export are put together to the dialogues that they came from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from dialogue.errors import EvaluationError
from dialogue.forms import Form
from dialogue.kinds.choosing import kind_of
from dialogue.learning.held_out import HeldOut, dialogues_of
from dialogue.learning.sides import Side, completion_for
from dialogue.seeds import Seed, Seeds
from dialogue.transcript import render
from dialogue.turns import Dialogue
from tests.dialogue.kinds.conftest import CODE, FILM, MUSIC, OBJECT, WORD
from tests.dialogue.learning.talks import SHORT, held_out
from tests.fakes import SEED, said

LONGER = replace(SEED, name="longer", text=f"{SHORT.text}\nIn it, much is said.")
SEEDS = Seeds([SHORT, LONGER])
TALKS = [
    held_out("hi", "Hello!", "who\nare you?", "Me,\nof course.", "ok", "Bye!"),
    held_out("hi", "Hello!"),
    held_out("hi", "Good day!"),
    held_out("hi", "Hello!", "bye", "Bye!", seed=LONGER),
]


def rows(dialogues: list[HeldOut], ending: str = "") -> list[dict[str, Any]]:
    """Return the dialogues as `prompt-completion` has them."""
    return [
        {
            "prompt": render(reply.seed.text, reply.history, reply.seed.tags),
            "completion": completion_for(reply, Side()) + ending,
        }
        for dialogue in dialogues
        for reply in dialogue.replies
    ]


@pytest.mark.parametrize("ending", ["", "\nUser1:"])
def test_they_are_found_again(ending: str) -> None:
    assert dialogues_of(rows(TALKS, ending), SEEDS, "prompt-completion") == TALKS


def test_a_dialogue_whose_oldest_turns_were_left_out_is_one_still() -> None:
    talk = held_out("one", "One!", "two", "Two!", "three", "Three!", "four", "Four!")
    kept = [replace(reply, history=Dialogue(reply.history.turns[4:])) for reply in talk.replies[3:]]
    cut = HeldOut((*talk.replies[:3], *kept))

    found = dialogues_of(rows([cut, TALKS[0]]), SEEDS, "prompt-completion")

    assert [len(dialogue.replies) for dialogue in found] == [4, 3]


ANSWERS = {
    FILM: '"Alien"',
    MUSIC: "1. Blur — 1 of 1",
    CODE: "Use len.\n```\nlen(x)\n```",
    WORD: "cat",
    OBJECT: "answer: len(x)\nlines: 1",
}


def answers(seeds: Iterable[Seed]) -> list[dict[str, Any]]:
    """Return an answer of each seed as `prompt-completion` has it, in the order in which some person asked."""
    found = []
    for seed, text in zip(seeds, ANSWERS.values(), strict=True):
        kind = kind_of(seed)
        found.append(
            {"prompt": kind.render(seed, said("one\ntwo")), "completion": kind.written(text, seed, "one\ntwo")}
        )
    return found


@pytest.mark.parametrize("ending", ["", "\n"])
def test_an_answer_behind_a_form_is_a_dialogue_of_its_own(ending: str) -> None:
    exported = [{**row, "completion": row["completion"] + ending} for row in answers(ANSWERS)]

    found = [dialogue.replies[0] for dialogue in dialogues_of(exported, ANSWERS, "prompt-completion")]

    assert [reply.text for reply in found] == list(ANSWERS.values())
    assert [reply.seed for reply in found] == list(ANSWERS)
    assert [completion_for(reply, Side()) for reply in found] == [row["completion"] for row in answers(ANSWERS)]
    assert [kind_of(each.seed).render(each.seed, each.history) for each in found] == [row["prompt"] for row in exported]


def test_an_answer_goes_on_with_no_other_even_where_its_prompt_does() -> None:
    seed = replace(WORD, form=Form("{input}:"))
    shorter, longer = [kind_of(seed).render(seed, said(words)) for words in ("a", "a: b")]
    row_by_row = [{"prompt": prompt, "completion": " yes"} for prompt in (shorter, longer)]
    in_segments = [segments((False, prompt), (True, " yes\n")) for prompt in (longer, shorter)]

    assert len(dialogues_of(row_by_row, [seed], "prompt-completion")) == 2
    assert len(dialogues_of(in_segments, [seed], "input-output")) == 2


def test_the_forms_of_fine_tuned_seeds_are_told_apart_by_their_words() -> None:
    tuned = [seed.tuned() for seed in ANSWERS]

    found = dialogues_of(answers(tuned), tuned, "prompt-completion")

    assert [dialogue.replies[0].seed for dialogue in found] == tuned
    twin = replace(tuned[3], name="twin")
    with pytest.raises(EvaluationError, match="row 4 of the data may be of the seed word-en-tuned or twin"):
        dialogues_of(answers(tuned), [*tuned, twin], "prompt-completion")


def test_what_is_no_answer_is_refused() -> None:
    with pytest.raises(EvaluationError, match="row 1 of the data is no answer of the seed object-en"):
        dialogues_of([{**answers(ANSWERS)[4], "completion": " nothing"}], [OBJECT], "prompt-completion")


def segments(*pieces: tuple[bool, str]) -> dict[str, Any]:
    return {"segments": [{"label": label, "text": text} for label, text in pieces]}


@pytest.mark.parametrize("tag", ["", "User1:"])
def test_segments_are_read_with_the_corrected_replies_in_front_of_their_dialogue(tag: str) -> None:
    opening = f"{SHORT.text}\nUser1: hi\nUser2:"
    corrected = segments((False, f"{opening} Hello!\nUser1: bye\nUser2:"), (True, f" Farewell!\n{tag}"))
    between = "User1: bye\nUser2: Bi.\nUser1: ?\nUser2:".removeprefix(tag)
    whole = segments((False, opening), (True, f" Hello!\n{tag}"), (False, between), (True, f" Bye!\n{tag}"))
    other = segments((False, f"{SHORT.text}\nUser1: привет\nUser2:"), (True, f" Да!\n{tag}"))

    first, second = dialogues_of([corrected, whole, other], SEEDS, "input-output")

    assert [reply.text for reply in first.replies] == ["Hello!", "Farewell!", "Bye!"]
    assert [reply.text for reply in second.replies] == ["Да!"]


@pytest.mark.parametrize(
    ("row", "format", "reason"),
    [
        ({"text": "A chat."}, "transcript", "export it with --format prompt-completion"),
        ({"prompt": 7, "completion": " Hello!"}, "prompt-completion", "row 1 of the data is not one of the format"),
        ({"segments": ["Hello!"]}, "input-output", "row 1 of the data is not one of the format"),
        (
            {"prompt": "Changed.\nUser1: hi\nUser2:", "completion": " Hello!"},
            "prompt-completion",
            "does not begin with",
        ),
        ({"prompt": "A chat.\nUser1: hi", "completion": " Hello!"}, "prompt-completion", "ends with the bot's tag"),
        ({"prompt": "A chat.\nUser1: hi\nUser2:", "completion": "Hello!"}, "prompt-completion", "neither with a tag"),
        ({"prompt": "A chat.\nUser1: hi\nUser2:", "completion": " "}, "prompt-completion", "no approved reply"),
    ],
)
def test_what_is_not_held_out_is_refused_with_a_reason(row: dict[str, Any], format: str, reason: str) -> None:
    with pytest.raises(EvaluationError, match=reason):
        dialogues_of([row], SEEDS, format)
