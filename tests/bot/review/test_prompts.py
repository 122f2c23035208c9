"""A prompt that is made again from the log, and proven by its hash."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from bot.review.prompts import explained
from dialogue.seeds import Seed
from dialogue.transcript import render
from dialogue.turns import Dialogue, Sampling, StopReason
from storage.reviewed import Draw
from tests.dialogue.kinds.conftest import FILM
from tests.fakes import SEED, said

TALK = said("The internet is down.", "Is the light on?", "Yes,\nit is.")


def a_draw(prompt: str, text: str = " Then wait.\nUser1: And now?", stop: StopReason = StopReason.TAG) -> Draw:
    return Draw(
        number=1,
        seed=SEED.name,
        seed_hash=SEED.version,
        prompt_hash=hashlib.sha256(prompt.encode("utf-8", "surrogatepass")).hexdigest(),
        model="scripted",
        revision="1",
        sampling=Sampling(),
        draw=7,
        text=text,
        stop=stop,
        prompt_tokens=10,
        reused_tokens=0,
        new_tokens=4,
        queued_s=0.0,
        first_token_s=0.1,
        duration_s=0.2,
        likelihood=None,
    )


def prompt_of(dialogue: Dialogue, continuing: bool = False) -> str:
    return render(SEED.text, dialogue, SEED.tags, continuing)


@pytest.mark.parametrize("left_out", [0, 1, 2])
def test_the_prompt_is_as_it_was_sent_also_where_old_turns_did_not_fit(left_out: int) -> None:
    prompt = prompt_of(Dialogue(TALK.turns[left_out:]))

    assert explained(a_draw(prompt), TALK, "say", SEED).prompt == prompt


def test_half_a_surrogate_pair_is_no_obstacle() -> None:
    talk = said("\ud83d")

    assert explained(a_draw(prompt_of(talk)), talk, "say", SEED).prompt == prompt_of(talk)


def test_more_of_a_reply_was_asked_for_without_a_new_tag() -> None:
    talk = said("The internet is down.", "Is the light on? And")
    prompt = prompt_of(talk, continuing=True)

    assert explained(a_draw(prompt), talk, "continue", SEED).prompt == prompt


def test_there_is_no_prompt_where_there_is_no_reply_to_continue() -> None:
    told = explained(a_draw("another"), said("The internet is down."), "continue", SEED)

    assert (told.prompt, told.why_not) == ("", "not_found")


@pytest.mark.parametrize(
    ("seed", "reason"),
    [
        (None, "seed_gone"),
        (replace(SEED, version="fedcba9876543210"), "seed_changed"),
        (SEED, "not_found"),
    ],
)
def test_a_prompt_that_cannot_be_proven_is_not_shown_but_the_reason_is(seed: Seed | None, reason: str) -> None:
    draw = a_draw(prompt_of(said("What is gone now.")))

    told = explained(draw, TALK, "say", seed)

    assert (told.prompt, told.why_not, told.draw) == ("", reason, draw)


@pytest.mark.parametrize(
    ("raw", "stop", "kept", "cut"),
    [
        (" Then wait.\nUser1: And now?", StopReason.TAG, "Then wait.", "\nUser1: And now?"),
        (" Then wait.", StopReason.END_OF_TEXT, "Then wait.", ""),
        (" Then wait. It will be", StopReason.LENGTH, "Then wait.", " It will be"),
        ("", StopReason.END_OF_TEXT, "", ""),
        (" One.\n Two.\nUser1:", StopReason.TAG, "One.\nTwo.", ""),
    ],
)
def test_what_was_cut_off_is_told_apart(raw: str, stop: StopReason, kept: str, cut: str) -> None:
    told = explained(a_draw(prompt_of(TALK), raw, stop), TALK, "say", SEED)

    assert (told.kept, told.cut) == (kept, cut)


def test_the_prompt_of_another_kind_is_made_again_by_that_kind() -> None:
    draw = replace(a_draw('A chat.\nWho likes crime should watch "', 'Heat" and more'), seed=FILM.name)

    again = explained(draw, said("the secret", "no", "crime"), "say", FILM)

    assert (again.prompt, again.kept, again.cut) == ('A chat.\nWho likes crime should watch "', "Heat", '" and more')


@pytest.mark.parametrize("talk", [said("crime"), said("crime", "Heat")])
def test_a_prompt_of_another_kind_that_is_not_found_says_so(talk: Dialogue) -> None:
    draw = replace(a_draw("something else"), seed=FILM.name)

    assert explained(draw, talk, "say", FILM).why_not == "not_found"
