"""What is wrong with a reply is counted: neither more nor less."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from dialogue.errors import EngineUnavailable
from dialogue.learning.behaviour import Spoken, approved, drawn, leaks
from dialogue.learning.held_out import Approved
from dialogue.learning.sides import Side
from dialogue.seeds import Seed, Tags
from dialogue.turns import StopReason
from tests.dialogue.kinds.conftest import FILM, MUSIC, OBJECT, WORD
from tests.dialogue.learning.talks import SHORT, held_out
from tests.fakes import ScriptedEngine, said

TALK = held_out(
    "hi, who is it?", "Hello! What is your name?", "Anna", "Thank you, Anna. One minute, please.", "ok", "Bye!"
)
LAST = TALK.replies[-1]
RUSSIAN = held_out("привет", "Здравствуйте!", seed=replace(SHORT, language="ru")).replies[0]


async def spoken(line: str, reply: object = LAST, stop: StopReason = StopReason.TAG) -> Spoken:
    engine = ScriptedEngine([line], stop=stop)
    (found,) = await drawn(engine, Side(), None, [reply], draw=1)  # type: ignore[list-item]
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("line", "faults"),
    [
        (" Your line is fine, Anna.\nUser1:", set()),
        (" Fine. User1: hello\nUser1:", {"leak"}),
        (" Fine. ｕｓｅｒ 3 : hello\nUser1:", {"leak"}),
        (" The user is fine: I looked, superuser1: too.\nUser1:", set()),
        ("\nUser1:", {"empty"}),
        (" ***\nUser1:", {"empty"}),
        (" One minute please, thank you.\nUser1:", set()),
        (" thank you, Anna! One minute please\nUser1:", {"repeated_reply"}),
        (" Well. And what is your name, please?\nUser1:", set()),
        (" Well. What is your name, please?\nUser1:", {"repeated_question"}),
        (" What is your contract?\nUser1:", set()),
        (" Ok.\nUser1:", {"echo"}),
        (" Всё хорошо, Anna, подождите.\nUser1:", {"wrong_language"}),
        (" Ага.\nUser1:", set()),
    ],
)
async def test_each_fault_is_found_and_none_where_there_is_none(line: str, faults: set[str]) -> None:
    assert (await spoken(line)).faults == faults


@pytest.mark.parametrize(
    ("line", "faults"),
    [
        (" Включите Wi-Fi роутера TP-Link.\nUser1:", set()),
        (" Hello, how are you?\nUser1:", {"wrong_language"}),
        (" 你好你好你好你好\nUser1:", {"wrong_language"}),
        (" 👍 12:30\nUser1:", set()),
    ],
)
async def test_the_language_is_that_of_the_dialogues_seed(line: str, faults: set[str]) -> None:
    assert (await spoken(line, RUSSIAN)).faults == faults


async def test_a_reply_is_cut_where_the_length_limit_ends_it_before_the_next_tag() -> None:
    cut = await spoken(" It is fine. And it will", stop=StopReason.LENGTH)
    whole = await spoken(" It is fine.\nUser1:", stop=StopReason.LENGTH)

    assert (cut.text, cut.faults) == ("It is fine.", frozenset({"cut"}))
    assert whole.faults == frozenset()


def test_a_tag_of_words_leaks_as_such() -> None:
    tags = Tags(person="Customer", bot="Support")

    assert leaks("Well. customer: yes", tags)
    assert not leaks("Well, dear customer, the customers: all fine", tags)


def test_approved_replies_are_measured_by_the_same_yardstick() -> None:
    asked_twice = held_out("hi", "What is your name?", "why?", "I see. What is your name?")

    assert [sorted(each.faults) for each in approved(asked_twice.replies)] == [[], ["repeated_question"]]


async def test_the_prompt_is_the_sides_own() -> None:
    other = replace(SHORT, name="other", text="Another chat.", tags=Tags("Customer", "Support"))
    engine = ScriptedEngine([" One.\nCustomer:", " Two.\nCustomer:"])
    side = Side(seed=other, sampling={"temperature": 0.3, "top_k": 5.0})

    found = await drawn(engine, side, "b", TALK.replies[:2], draw=1)

    first, second = engine.prompts
    assert first.text == "Another chat.\nCustomer: hi, who is it?\nSupport:"
    assert (first.adapter, first.fixed_chars, first.stops) == ("b", len(other.text), ("\nCustomer:", "\nSupport:"))
    assert (first.sampling.temperature, first.sampling.top_k, first.sampling.max_new_tokens) == (0.3, 5, 6)
    assert first.draw != second.draw
    assert [each.text for each in found if each] == ["One.", "Two."]


async def test_replies_are_written_together_and_no_more_than_there_are_places() -> None:
    gate = asyncio.Event()
    engine = ScriptedEngine([" Yes.\nUser1:"] * 3, gate=gate, slots=2)

    task = asyncio.create_task(drawn(engine, Side(), None, TALK.replies, draw=1))
    while engine.at_work < 2:
        await asyncio.sleep(0)
    for _ in range(20):
        await asyncio.sleep(0)
    at_work = engine.at_work
    gate.set()

    assert at_work == 2
    assert len(await task) == 3


async def test_a_prompt_that_does_not_fit_is_left_out() -> None:
    engine = ScriptedEngine([" Yes.\nUser1:"], context_tokens=12)
    short, long = held_out("hi", "Yes."), held_out("word " * 30, "Yes.")

    first, second = await drawn(engine, Side(), None, [*short.replies, *long.replies], draw=1)

    assert first is not None
    assert second is None


async def test_a_model_that_fails_fails_the_comparison() -> None:
    engine = ScriptedEngine([EngineUnavailable("down")])

    with pytest.raises(EngineUnavailable):
        await drawn(engine, Side(), None, [LAST], draw=1)


@pytest.mark.parametrize(
    ("seed", "line", "stop", "text", "faults"),
    [
        (FILM, 'Alien"', StopReason.TAG, '"Alien"', set()),
        (FILM, 'Predator"', StopReason.TAG, "", {"empty"}),  # The person named it.
        (OBJECT, ' "len(x)", "lin', StopReason.LENGTH, "", {"empty", "cut"}),
        (WORD, " Хищник\n", StopReason.TAG, "Хищник", {"wrong_language"}),
        (MUSIC, "Blur».\n", StopReason.TAG, "1. Blur — 1 of 1", set()),
    ],
)
async def test_answers_behind_a_form_are_measured_as_they_are_shown(
    seed: Seed, line: str, stop: StopReason, text: str, faults: set[str]
) -> None:
    found = await spoken(line, Approved(said("Predator"), "x", seed), stop)

    assert found.text == text
    assert found.faults == faults
