"""People who talk to an operator through the bot."""

from __future__ import annotations

import pytest

from bot.texts import text
from tests.bot.telegram.rig import Rig

GROUP = -100
TO_THE_BOT = [{"type": "mention", "offset": 0, "length": len("@govorun_bot")}]


@pytest.mark.parametrize("command", ["/human", "/operator"])
async def test_an_operator_is_called(rig: Rig, command: str) -> None:
    rig.telegram.say(command)
    await rig.settle()
    assert rig.telegram.texts() == [text("operator_called", "ru")]
    assert await rig.log.unheard("telegram", patience_s=-1.0) == [await rig.dialogue_id()]


async def test_a_group_can_call_an_operator(rig: Rig) -> None:
    rig.telegram.say("/human@govorun_bot", chat_id=GROUP)
    await rig.settle()
    assert rig.telegram.texts(GROUP) == [text("operator_called", "ru")]


async def test_who_calls_an_operator_that_has_come_is_told_so(rig: Rig) -> None:
    await rig.take_over(await rig.add_operator())
    rig.telegram.say("/human")
    await rig.settle()
    assert rig.telegram.texts() == [text("operator_came", "ru"), text("operator_is_here", "ru")]
    assert await rig.log.unheard("telegram", patience_s=-1.0) == []


async def test_who_calls_goes_on_being_answered_by_the_bot_until_somebody_comes(rig: Rig) -> None:
    rig.telegram.say("/human")
    rig.telegram.say("привет")
    await rig.settle()
    assert await rig.announced() == [1]
    assert [asked.text for asked in await rig.waiting()] == ["привет"]


async def test_what_is_said_to_an_operator_is_answered_and_announced_by_nobody_else(rig: Rig) -> None:
    await rig.take_over(await rig.add_operator())
    rig.telegram.say("привет", chat_id=1)
    rig.telegram.say("привет", chat_id=2)
    await rig.settle()
    assert await rig.announced() == [2]
    assert [asked.dialogue_id for asked in await rig.waiting()] == [await rig.dialogue_id(2)]
    assert [turn.text for turn in await rig.transcript(1)] == ["привет"]
    assert rig.telegram.texts() == [text("operator_came", "ru")]


async def test_a_message_to_an_operator_can_be_reworded(rig: Rig) -> None:
    await rig.take_over(await rig.add_operator())
    message = rig.telegram.say("превет")
    await rig.settle()
    rig.telegram.edit(message, "привет")
    await rig.settle()
    assert [turn.text for turn in await rig.transcript()] == ["привет"]
    assert await rig.announced() == []
    assert await rig.waiting() == []
    assert rig.telegram.texts() == [text("operator_came", "ru")]


async def test_no_answer_is_announced_any_more_once_an_operator_has_come(rig: Rig) -> None:
    rig.telegram.say("привет")
    await rig.settle()
    assert await rig.announced() == [1]
    await rig.take_over(await rig.add_operator())
    assert await rig.announced() == []


@pytest.mark.parametrize("command", ["/retry", "/regenerate", "/continue", "/undo", "/cancel"])
async def test_what_only_the_bot_could_do_gets_one_sentence_while_an_operator_leads(rig: Rig, command: str) -> None:
    rig.telegram.say("привет")
    await rig.settle()
    await rig.answer_all()
    await rig.take_over(await rig.add_operator())
    rig.telegram.say("ау")
    rig.telegram.say(command)
    await rig.settle()
    assert rig.telegram.texts()[2:] == [text("operator_is_here", "ru")]
    assert [turn.text for turn in await rig.transcript()] == ["привет", "Здравствуйте!", "ау"]
    assert await rig.announced() == []


@pytest.mark.parametrize("command", ["/retry", "/continue"])
async def test_an_operators_words_are_neither_redone_nor_continued(rig: Rig, command: str) -> None:
    operator = await rig.add_operator()
    dialogue_id = await rig.take_over(operator)
    async with rig.conversation.session(rig.delivery.take) as session:
        await session.speak_for_bot(dialogue_id, operator.id, "Чем помочь?", None)
    async with rig.conversation.session(rig.delivery.take) as session:
        await session.hand_back(dialogue_id, operator.id)
    rig.telegram.say(command)
    await rig.settle()
    assert rig.telegram.texts() == [
        text("operator_came", "ru"),
        "Чем помочь?",
        text("operator_left", "ru"),
        text("last_word_is_operators", "ru"),
    ]
    assert await rig.announced() == []
    assert await rig.waiting() == []


async def test_what_still_waits_when_the_operator_leaves_is_for_the_bot(rig: Rig) -> None:
    operator = await rig.add_operator()
    dialogue_id = await rig.take_over(operator)
    rig.telegram.say("привет")
    await rig.settle()
    async with rig.conversation.session(rig.delivery.take) as session:
        await session.hand_back(dialogue_id, operator.id)
    assert [asked.text for asked in await rig.waiting()] == ["привет"]


async def test_a_new_dialogue_is_the_bots(rig: Rig) -> None:
    await rig.take_over(await rig.add_operator())
    rig.telegram.say("/new")
    await rig.settle()
    rig.telegram.say("привет")
    await rig.settle()
    assert [asked.text for asked in await rig.waiting()] == ["привет"]
    assert await rig.announced() == [1]


async def test_in_a_group_an_operators_words_quote_whom_they_answer(rig: Rig) -> None:
    message = rig.telegram.say("@govorun_bot привет", chat_id=GROUP, entities=TO_THE_BOT)
    await rig.settle()
    operator = await rig.add_operator()
    dialogue_id = await rig.take_over(operator, GROUP)
    async with rig.conversation.session(rig.delivery.take) as session:
        await session.speak_for_bot(dialogue_id, operator.id, "Чем помочь?", None)
    await rig.settle()
    [_, answer] = rig.telegram.sent(GROUP)
    assert answer.params["text"] == "Чем помочь?"
    assert answer.params["reply_parameters"]["message_id"] == message["message_id"]
