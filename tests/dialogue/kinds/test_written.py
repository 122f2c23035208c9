"""What is to be learned of an answer, and what was asked in a prompt: both turned back."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dialogue.errors import TranscriptError
from dialogue.forms import Form, Until
from dialogue.kinds.choosing import kind_of
from dialogue.kinds.kind import Answer
from dialogue.seeds import Seed, load_seeds
from dialogue.turns import StopReason
from tests.dialogue.kinds.conftest import CODE, FILM, KINDS, MUSIC, OBJECT, WORD
from tests.fakes import SEED, said

TWEET = replace(WORD, form=Form("Context >>> {input}\nTweet >>>", until=Until.SENTENCE))
VALUE = replace(OBJECT, form=Form(schema=(("is_true", "boolean"),)))
SEEDS = load_seeds()
NAMES = "1. Blur — 12 of 16\n2. Muse — 4"


def answered(seed: Seed, raw: str, words: str = "x", draws: int = 1) -> Answer | None:
    kind = kind_of(seed)
    return kind.answer([kind.cut(raw, StopReason.TAG, seed)] * draws, seed, words)


@pytest.mark.parametrize(
    ("seed", "text", "raw"),
    [
        (SEED, "Hello!\nUser1 is here.", " Hello!\n User1 is here."),
        (FILM, '"Alien"', 'Alien"'),
        (TWEET, "Snow at last.", " Snow at last."),
        (WORD, "cat", " cat"),
        (CODE, "Use len.\n```\nlen(x)\n```", " Use len.\n```\nlen(x)\n```"),
        (OBJECT, 'answer: print("a\nb")\nlines: 2', ' "print(\\"a\\nb\\")", "lines": 2}'),
        (VALUE, "False", " false}"),
    ],
)
def test_an_answer_is_written_as_the_model_would_and_becomes_the_same_answer(seed: Seed, text: str, raw: str) -> None:
    kind = kind_of(seed)

    assert kind.written(text, seed, "x") == raw
    for ending in ("", kind.stops(seed)[0]):
        answer = answered(seed, raw + ending)
        assert answer is not None
        assert answer.text == text


@pytest.mark.parametrize(
    "text", [NAMES, f"I am not sure, but this is what comes to mind:\n{NAMES}", "1. Blur\n2. Muse", "«Blur».", "Blur"]
)
def test_a_variant_of_a_vote_gives_the_name_that_won(text: str) -> None:
    raw = kind_of(MUSIC).written(text, MUSIC, "rock")

    assert raw == "Blur»"
    answer = answered(MUSIC, raw, draws=16)
    assert answer is not None
    assert answer.text == "1. Blur — 16 of 16"


@pytest.mark.parametrize(
    ("seed", "text"),
    [
        (FILM, '"Predator"'),  # The person named it.
        (FILM, 'See "Alien" today'),
        (TWEET, "Snow. At last."),
        (WORD, "a cat\na dog"),
        (CODE, "Use len.\nQ: And then?"),
        (CODE, "```\nlen(x)"),
        (MUSIC, "What about Blur?\nOr Muse?"),
        (MUSIC, "Predator"),
        (OBJECT, "answer: two\nlines: two"),
        (OBJECT, "lines: 2\nanswer: two"),
        (OBJECT, "two"),
        (VALUE, "maybe"),
    ],
)
def test_what_the_form_cannot_hold_is_not_written(seed: Seed, text: str) -> None:
    assert kind_of(seed).written(text, seed, "Predator") == ""


@pytest.mark.parametrize("seed", KINDS, ids=lambda seed: seed.kind.value)
@given(text=st.text(alphabet='ab1 \n"»*Q:{},.—', max_size=30))
@example(text="1. a — 2")
@example(text="answer: a\nlines: 1")
def test_whatever_is_written_gives_the_words_back(seed: Seed, text: str) -> None:
    raw = kind_of(seed).written(text, seed, "x")

    answer = answered(seed, raw)
    assert (answer is None) == (raw == "")
    if answer is not None and seed is not MUSIC:
        assert answer.text in (text, f'"{text}"', f'"{text}', f'{text}"')


@pytest.mark.parametrize("seed", [*SEEDS], ids=lambda seed: seed.name)
def test_a_prompt_is_read_back(seed: Seed) -> None:
    for each in (seed, SEEDS.get(f"{seed.name}-tuned")) if seed.form != Form() else (seed,):
        kind = kind_of(each)
        for words in (seed.example, 'say "so" —> now\nlanguage=sql how?', "language=sql [how]"):
            prompt = kind.render(each, said(words))
            assert kind.render(each, kind.read(prompt, each)) == prompt


@pytest.mark.parametrize("seed", KINDS, ids=lambda seed: seed.kind.value)
def test_a_prompt_of_another_seed_is_refused(seed: Seed) -> None:
    prompt = kind_of(seed).render(seed, said("how?"))

    for other in (prompt[:-1], prompt[1:], prompt.replace("how", "ho\nw"), ""):
        with pytest.raises(TranscriptError):
            kind_of(seed).read(other, seed)


def test_a_tuned_seed_has_nothing_but_its_form() -> None:
    json_seed = SEEDS.get("code-answers-json-en-tuned")

    assert kind_of(WORD.tuned()).render(WORD.tuned(), said("кот")) == "кот —>"
    assert json.loads(kind_of(json_seed).render(json_seed, said("language=sql how?")) + ' ""}') == {
        "language": "sql",
        "question": "how?",
        "answer": "",
    }
