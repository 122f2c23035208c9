"""Ten people talk to the model, and the page shows it as it was."""

from __future__ import annotations

from benchmarks.callers import MESSAGES, callers
from benchmarks.learning_loop import conversations, page
from dialogue.turns import Dialogue, Speaker
from tests.fakes import ScriptedEngine


def test_a_caller_says_each_thing_once_and_goes_on_with_own_words() -> None:
    caller = callers()[0]

    said = [caller.reply_to(bot) for bot in ("Как вас зовут?", "Назовите номер договора", "Как вас зовут?", "Минуту")]

    assert said == ["Ольга", "52018", "хорошо, жду", "и когда заработает?"]
    assert [caller.reply_to("") for _ in range(20)][-1] == "до свидания"


async def test_each_of_the_ten_writes_eight_messages() -> None:
    many = len(callers()) * MESSAGES
    engine = ScriptedEngine([f" reply {number}\nUser1:" for number in range(many)])

    held = await conversations(engine, None)

    assert [sum(turn.speaker is Speaker.PERSON for turn in each.turns) for each in held] == [MESSAGES] * 10
    assert held[-1].turns[-1].text == f"reply {many - 1}"
    assert {prompt.adapter for prompt in engine.prompts} == {None}


def test_the_page_has_both_sides_of_each_turn_and_breaks_no_table() -> None:
    before = Dialogue().then(Speaker.BOT, "Hello | there")
    after = before.then(Speaker.PERSON, "<b>\nno internet")

    written = page([(callers()[0], before, after)])

    assert "| **bot** | Hello \\| there | **bot** | Hello \\| there |" in written
    assert "|  |  | person | &lt;b><br>no internet |" in written
