"""Where an answer behind a form ends."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dialogue.forms import Form, SeedKind, Until
from dialogue.kinds.choosing import kind_of
from dialogue.seeds import Seed
from dialogue.turns import Ask, Outcome, StopReason
from tests.dialogue.kinds.conftest import CODE, FILM, KINDS, WORD, reply_with
from tests.fakes import ScriptedEngine, said

SENTENCE = replace(FILM, kind=SeedKind.COMPLETION, form=Form("About {input}:", until=Until.SENTENCE))


def cut(seed: Seed, raw: str, stop: StopReason = StopReason.TAG) -> str:
    return kind_of(seed).cut(raw, stop, seed)


async def test_a_name_ends_at_the_closing_quotation_mark() -> None:
    engine = ScriptedEngine(['Alien" and "The Thing".\n***'])

    reply = await reply_with(FILM, engine, "Predator")

    assert reply.text == '"Alien"'
    assert engine.prompts[0].text == 'A chat.\nWho likes Predator should watch "'
    assert engine.prompts[0].stops == ("\n", '"')


def test_a_sentence_ends_with_its_full_stop_not_with_an_abbreviation() -> None:
    assert cut(SENTENCE, " Mr. Brown left at 5.30 today. He was sad.\nMore") == "Mr. Brown left at 5.30 today."


def test_an_answer_ends_where_the_next_example_begins() -> None:
    assert cut(CODE, " Use len.\n```\nlen(x)\n```\n***\nQ: More?") == "Use len.\n```\nlen(x)\n```"
    assert cut(CODE, " Use len.\nQ: More?\nA: no") == "Use len."


def test_a_block_of_code_that_the_limit_cuts_is_closed() -> None:
    assert cut(CODE, " So:\n```python\nprint(1)", StopReason.LENGTH) == "So:\n```python\nprint(1)\n```"


def test_a_line_has_one_line() -> None:
    assert cut(WORD, " cat\nпёс —> dog") == "cat"


@pytest.mark.parametrize("seed", [FILM, CODE, WORD, SENTENCE], ids=lambda seed: seed.form.until)
@given(raw=st.text(alphabet=' \n*Q:A"`.a1', max_size=40))
@example(raw="Q\nQ:")
def test_no_draft_takes_anything_back(seed: Seed, raw: str) -> None:
    kind = kind_of(seed)
    drafts = [kind.draft(raw[:end], seed) for end in range(len(raw) + 1)]

    assert all(later.startswith(earlier) for earlier, later in itertools.pairwise(drafts))
    final = kind.cut(raw, StopReason.TAG, seed)
    assert final.startswith(drafts[-1]) or final == ""


async def test_an_empty_answer_is_drawn_again() -> None:
    reply = await reply_with(FILM, ScriptedEngine(['".', 'Heat"']), "crime")

    assert (reply.text, len(reply.generations)) == ('"Heat"', 2)


async def test_what_the_person_named_is_not_recommended() -> None:
    reply = await reply_with(FILM, ScriptedEngine(['The Matrix"', 'Dark City"']), "The Matrix and Inception")

    assert reply.text == '"Dark City"'


async def test_an_answer_that_only_repeats_the_words_is_drawn_again() -> None:
    reply = await reply_with(CODE, ScriptedEngine([" How long is it?", " Use len."]), "how long is it")

    assert reply.text == "Use len."


async def test_another_answer_is_another() -> None:
    engine = ScriptedEngine(['Heat"', 'Ronin"'])

    reply = await reply_with(FILM, engine, ask=Ask.RETRY, recalled=said("crime", '"Heat"'))

    assert (reply.outcome, reply.text) == (Outcome.ANSWERED, '"Ronin"')
    assert engine.prompts[0].text.endswith('Who likes crime should watch "')


async def test_whoever_asks_the_same_again_may_be_told_the_same() -> None:
    reply = await reply_with(WORD, ScriptedEngine([" cat\n"]), "кот", recalled=said("кот", "cat"))

    assert (reply.text, len(reply.generations)) == ("cat", 1)


@pytest.mark.parametrize("seed", KINDS, ids=lambda seed: seed.kind)
async def test_only_a_dialogue_can_be_continued(seed: Seed) -> None:
    reply = await reply_with(seed, ScriptedEngine([]), ask=Ask.CONTINUE, recalled=said("crime", "Heat"))

    assert reply.outcome is Outcome.NOTHING_TO_RETRY


@pytest.mark.parametrize("seed", KINDS, ids=lambda seed: seed.kind)
async def test_a_message_that_does_not_fit_gets_a_sentence(seed: Seed) -> None:
    reply = await reply_with(seed, ScriptedEngine([], context_tokens=40), "word " * 60)

    assert reply.outcome is Outcome.TOO_LONG
