"""Demonstrations in the log: approved dialogues in which an operator answers, each of them once."""

from __future__ import annotations

from dataclasses import replace

from dialogue.demonstrations import Demonstration
from dialogue.turns import Dialogue, Speaker, Turn
from storage.demonstrating import demonstrate
from storage.log.sql_log import SqlLog
from storage.records import Author, TurnState
from storage.reviewed import Approval
from tests.fakes import SEED as BASE
from tests.storage.log.places import an_operator

SEED = replace(BASE, greeting="Hello!")


def a_demonstration(*lines: str) -> Demonstration:
    """Return one that begins with the greeting; lines of the person begin with a dash."""
    turns = [
        Turn(Speaker.PERSON, line[1:]) if line.startswith("-") else Turn(Speaker.BOT, line)
        for line in (SEED.greeting, *lines)
    ]
    return Demonstration("outage", Dialogue(tuple(turns)))


async def test_a_demonstration_is_an_approved_dialogue_of_an_operator(log: SqlLog) -> None:
    olga = await an_operator(log)
    shown: list[float] = []

    new = await demonstrate(
        log, olga, SEED, [a_demonstration("-It is", "-dead.", "Sorry!")], lambda _, share: shown.append(share)
    )

    assert (new, shown) == (1, [1.0])
    async with log.reviewing() as reading:
        found = await reading.dialogue(next(iter(await reading.touched_since(0))))
    assert found is not None
    assert [(turn.author, turn.text) for turn in found.turns] == [
        (Author.SEED, "Hello!"),
        (Author.PERSON, "It is"),
        (Author.PERSON, "dead."),
        (Author.OPERATOR, "Sorry!"),
    ]
    assert found.row.approval is Approval.APPROVED
    assert found.claimed_by is None
    assert await log.unsent("demonstration") == []


async def test_what_is_there_already_is_not_put_there_again(log: SqlLog) -> None:
    olga = await an_operator(log)
    first, second = a_demonstration("-a", "b"), a_demonstration("-a", "c")
    await demonstrate(log, olga, SEED, [first], lambda *_: None)

    new = await demonstrate(log, olga, SEED, [first, second], lambda *_: None)

    assert new == 1
    async with log.reviewing() as reading:
        assert len(await reading.touched_since(0)) == 2


async def test_nobody_waits_for_an_answer_to_the_last_word(log: SqlLog) -> None:
    olga = await an_operator(log)

    await demonstrate(log, olga, SEED, [a_demonstration("-It is dead.", "Sorry!", "-Bye")], lambda *_: None)

    async with log.reviewing() as reading:
        found = await reading.dialogue(next(iter(await reading.touched_since(0))))
    assert found is not None
    assert [turn.text for turn in found.turns][-1] == "Bye"
    assert all(turn.state is not TurnState.WAITING for turn in found.turns)
