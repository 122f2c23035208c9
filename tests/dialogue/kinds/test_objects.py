"""An object that is passed on whole or not at all."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialogue.kinds.choosing import kind_of
from dialogue.kinds.objects import asked, read_object
from dialogue.turns import Dialogue, Outcome, Speaker
from tests.dialogue.kinds.conftest import OBJECT, reply_with
from tests.fakes import ScriptedEngine

BROKEN = [
    ' "len(x)"',
    ' "len(x)", "lines": 1',
    ' "len(x)", "lines": "1"}\n',
    ' "len(x)", "lines": true}\n',
    ' "len(x)", "lines": NaN}\n',
    ' "", "lines": 1}\n',
    ' 5, "lines": 1}\n',
    ' "len(x)"}\n',
    ' "len(x)", "lines": 1, "more": 2}\n',
    ' "len(x)", "lines": 1, "answer": "again"}\n',
    ' "len(x)", "lines": 1, "question": "another"}\n',
    ' "len(x)", "lines": 1} {"answer": "x"}\n',
    ' "a\\ud800", "lines": 1}\n',
    " " + "[" * 5000,
    "",
]


async def test_an_object_as_the_schema_says_is_passed_on() -> None:
    engine = ScriptedEngine([' "len(x)", "lines": 1}\n{"language"'])

    reply = await reply_with(OBJECT, engine, "language=sql How long?")

    assert engine.prompts[0].text.endswith('\n{"language": "sql", "question": "How long?", "answer":')
    assert reply.result == {"language": "sql", "question": "How long?", "answer": "len(x)", "lines": 1}
    assert reply.text == "answer: len(x)\nlines: 1"


@pytest.mark.parametrize("raw", BROKEN)
async def test_what_is_broken_is_tried_again_and_never_passed_on(raw: str) -> None:
    reply = await reply_with(OBJECT, ScriptedEngine([raw, ' "x", "lines": 2}\n']), "How?")

    assert len(reply.generations) == 2
    assert reply.result == {"language": "python", "question": "How?", "answer": "x", "lines": 2}


async def test_three_faults_are_the_models() -> None:
    reply = await reply_with(OBJECT, ScriptedEngine([*BROKEN[:3]]), "How?")

    assert (reply.outcome, reply.text, reply.result) == (Outcome.EMPTY, "", None)


@given(st.text())
def test_whatever_is_asked_the_prompt_is_the_beginning_of_an_object_with_it(words: str) -> None:
    prompt = kind_of(OBJECT).render(OBJECT, Dialogue().then(Speaker.PERSON, words))

    read = json.loads(prompt.removeprefix("A chat.\n") + ' "x"}')
    assert read == {**asked(words, OBJECT), "answer": "x"}


@given(st.text())
def test_whatever_is_written_is_read_or_refused(raw: str) -> None:
    read = read_object(raw, OBJECT)

    assert read is None or read.keys() == {"answer", "lines"}


def test_only_the_seeds_own_parameters_are_taken_from_the_words() -> None:
    assert asked("language=sql x=1 what?", OBJECT) == {"language": "sql", "question": "x=1 what?"}
    assert asked("language=sql", OBJECT) == {"language": "python", "question": "language=sql"}


PATTERN = kind_of(OBJECT).pattern(OBJECT)


@given(st.from_regex(PATTERN, fullmatch=True))
def test_what_matches_the_pattern_is_passed_on_unless_it_says_nothing(raw: str) -> None:
    read = read_object(f'{{"answer":{raw}', OBJECT)

    assert read or not json.loads(f'{{"answer":{raw}')["answer"].strip()


@pytest.mark.parametrize("raw", BROKEN)
def test_nothing_broken_matches_the_pattern(raw: str) -> None:
    assert not re.fullmatch(PATTERN, raw)


async def test_the_engine_is_told_the_pattern() -> None:
    engine = ScriptedEngine([' "len(x)", "lines": 1}\n'])

    await reply_with(OBJECT, engine, "How long?")

    assert engine.prompts[0].pattern == PATTERN
    assert re.fullmatch(PATTERN, ' "len(x)", "lines": 1}\n')
