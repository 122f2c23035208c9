"""The rows of an export are put together to the dialogues that they came from."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from dialogue.errors import EvaluationError
from dialogue.learning.held_out import HeldOut, dialogues_of
from dialogue.learning.sides import Side, completion_for
from dialogue.seeds import Seeds
from dialogue.transcript import render
from dialogue.turns import Dialogue
from tests.dialogue.learning.talks import SHORT, held_out
from tests.fakes import SEED

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


def segments(*pieces: tuple[bool, str]) -> dict[str, Any]:
    return {"segments": [{"label": label, "text": text} for label, text in pieces]}


def test_segments_are_read_with_the_corrected_replies_in_front_of_their_dialogue() -> None:
    opening = f"{SHORT.text}\nUser1: hi\nUser2:"
    corrected = segments((False, f"{opening} Hello!\nUser1: bye\nUser2:"), (True, " Farewell!\n"))
    said = segments(
        (False, opening), (True, " Hello!\n"), (False, "User1: bye\nUser2: Bi.\nUser1: ?\nUser2:"), (True, " Bye!\n")
    )
    other = segments((False, f"{SHORT.text}\nUser1: привет\nUser2:"), (True, " Да!\n"))

    first, second = dialogues_of([corrected, said, other], SEEDS, "input-output")

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
