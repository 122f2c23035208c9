"""The echo engine: a function of what the person said last, and of nothing else."""

from __future__ import annotations

from itertools import pairwise

import pytest

from dialogue.engine.echo import EchoEngine
from dialogue.errors import PromptTooLong
from dialogue.seeds import Tags
from dialogue.transcript import first_turn, render, stops
from dialogue.turns import Dialogue, Prompt, Sampling, Speaker, StopReason

TAGS = Tags()
SEED = "Support of an internet provider.\n\nUser1: Hello\nUser2: Good day!\n***"


async def reply(*turns: tuple[Speaker, str], continuing: bool = False) -> str:
    dialogue = Dialogue()
    for speaker, text in turns:
        dialogue = dialogue.then(speaker, text)
    text = render(SEED, dialogue, TAGS, continuing=continuing)
    completion = await EchoEngine().generate(Prompt(text, stops(TAGS), Sampling(), draw=1), lambda _: None)
    assert completion.stop is StopReason.TAG
    return first_turn(completion.text, TAGS).text


@pytest.mark.parametrize("said", ["no internet", "two\nlines", "User1: quoted", "<|endoftext|> ☎"])
async def test_what_the_person_said_is_repeated(said: str) -> None:
    assert await reply((Speaker.PERSON, "before"), (Speaker.BOT, "yes"), (Speaker.PERSON, said)) == f"echo: {said}"


async def test_a_burst_is_repeated_in_order() -> None:
    turns = [(Speaker.BOT, "yes"), *((Speaker.PERSON, text) for text in ("one", "two", "three"))]
    assert await reply(*turns) == "echo: one / two / three"


async def test_the_first_turn_takes_nothing_from_the_seed() -> None:
    assert await reply((Speaker.PERSON, "hi")) == "echo: hi"


async def test_a_reply_is_continued() -> None:
    assert await reply((Speaker.PERSON, "hi"), (Speaker.BOT, "Good"), continuing=True) == "and so on"


async def test_each_text_shown_begins_with_the_one_before() -> None:
    shown: list[str] = []
    prompt = Prompt("User1: a b c\nUser2:", stops(TAGS), Sampling(), draw=1)
    completion = await EchoEngine().generate(prompt, shown.append)
    assert len(shown) > 2
    assert shown[-1] == completion.text
    assert all(later.startswith(earlier) for earlier, later in pairwise(shown))


async def test_a_prompt_beyond_the_context_is_refused() -> None:
    with pytest.raises(PromptTooLong):
        await EchoEngine().generate(Prompt("x" * 9000, (), Sampling(), draw=1), lambda _: None)
