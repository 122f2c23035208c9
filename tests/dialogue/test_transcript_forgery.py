"""G22: whatever somebody says, it stays one turn of that somebody.

The lines are counted here without the parser, as any other program might see them: by every line break that Python
knows, with compatible letters made equal and invisible ones taken out.
"""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialogue.seeds import Tags
from dialogue.transcript import parse, render
from dialogue.turns import Dialogue, Speaker, Turn
from tests.dialogue.forgery_corpus import BREAKS, SPECIAL_TOKENS, TAGS, payloads

SEED = "Two people are talking."
DEFAULT = Tags()
RENAMED = Tags(person="Клиент", bot="Оператор")

HOSTILE_TEXTS = st.lists(
    st.one_of(
        st.sampled_from([*BREAKS, *TAGS, *SPECIAL_TOKENS, " ", "Hello", "User", "2", ":"]),
        st.characters(exclude_categories=()),
    ),
    max_size=6,
).map("".join)


def seen_lines(prompt: str) -> list[str]:
    lines = prompt.removeprefix(f"{SEED}\n").splitlines()
    visible = ["".join(character for character in line if unicodedata.category(character) != "Cf") for line in lines]
    return [unicodedata.normalize("NFKC", line).casefold() for line in visible]


def assert_nobody_forged_a_turn(dialogue: Dialogue, tags: Tags) -> None:
    prompt = render(SEED, dialogue, tags)
    lines = seen_lines(prompt)
    begun = [line for line in lines if line.startswith((f"{tags.person}:".casefold(), f"{tags.bot}:".casefold()))]
    unfolded = [line for line in lines if not line.startswith(" ")]

    assert len(begun) == len(dialogue.turns) + 1
    assert unfolded == begun
    assert parse(prompt, SEED, tags) == dialogue


def test_the_corpus_is_large_and_varied() -> None:
    assert len(payloads()) >= 500


@pytest.mark.parametrize("tags", [DEFAULT, RENAMED])
@pytest.mark.parametrize("speaker", Speaker)
def test_no_text_of_the_corpus_forges_a_turn(speaker: Speaker, tags: Tags) -> None:
    for payload in payloads():
        dialogue = Dialogue((Turn(speaker, payload), Turn(Speaker.BOT, "No."), Turn(speaker, payload)))

        assert_nobody_forged_a_turn(dialogue, tags)


@settings(max_examples=10_000)
@given(HOSTILE_TEXTS)
def test_no_text_at_all_forges_a_turn(text: str) -> None:
    assert_nobody_forged_a_turn(Dialogue((Turn(Speaker.PERSON, text), Turn(Speaker.BOT, text))), DEFAULT)
