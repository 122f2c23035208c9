"""What seeds are measured on: always the same demonstrations, and of an export what is theirs."""

from __future__ import annotations

from dataclasses import replace

from bot.evaluation.yardstick import yardstick
from dialogue.demonstrations import load_demonstrations
from dialogue.seeds import load_seeds
from dialogue.turns import Speaker

SUPPORT = load_seeds().get("isp-support-en")


def test_of_the_demonstrations_a_stable_share_is_taken() -> None:
    every = len(load_demonstrations(SUPPORT))

    found = yardstick([SUPPORT], load_seeds(), None, None, 1)

    assert found is not None
    assert found == yardstick([SUPPORT], load_seeds(), None, None, 2)
    assert 0.1 < len(found.dialogues) / every < 0.2
    assert f"{len(found.dialogues)} of the {every} demonstrations of isp-support-en" in found.words
    assert "the last 15%" in found.words


def test_what_is_measured_is_each_answer_to_a_person_and_not_the_greeting() -> None:
    found = yardstick([SUPPORT], load_seeds(), None, 1, 1)

    assert found is not None
    (dialogue,) = found.dialogues
    assert dialogue.replies[0].history.turns[0].text == SUPPORT.greeting
    assert all(reply.history.turns[-1].speaker is Speaker.PERSON for reply in dialogue.replies)
    assert f"; 1 of them, drawn by lot: {len(dialogue.replies)} replies" in found.words


def test_a_draft_with_another_greeting_is_measured_on_the_demonstrations_of_its_name() -> None:
    draft = replace(SUPPORT, greeting="Hi!", text="Another text.")

    found = yardstick([draft], load_seeds(), None, None, 1)

    assert found == yardstick([SUPPORT], load_seeds(), None, None, 1)


def test_a_seed_without_demonstrations_has_nothing_to_be_measured_on() -> None:
    assert yardstick([load_seeds().get("small-talk-en")], load_seeds(), None, None, 1) is None
