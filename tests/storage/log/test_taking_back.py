"""The last exchange, undone or asked anew."""

from __future__ import annotations

from sqlalchemy import select

from dialogue.turns import Ask, Outcome
from storage.log.sql import transaction
from storage.log.sql_log import SqlLog
from storage.log.tables import answers, turns
from storage.records import ChatKind, TurnState
from tests.storage.log.places import Place, a_reply, open_place


async def test_undo_drops_the_last_reply_and_what_it_answers(place: Place) -> None:
    await place.exchange("one", "ONE")
    last_reply = (await place.say("two", "x")).after
    await place.record(a_reply(*(await place.log.waiting("telegram", 0)), text="TWO"))

    assert await place.undo()

    assert await place.texts() == ["one", "ONE"]
    assert await place.history() == ["one", "ONE"]
    assert place.chat.last_reply == last_reply
    assert await place.undo()
    assert await place.texts() == []
    assert place.chat.last_reply == ""
    assert not await place.undo()


async def test_undo_takes_a_whole_burst_back(place: Place) -> None:
    await place.exchange("one", "ONE")
    burst = [await place.say("two"), await place.say("three")]
    await place.record(a_reply(*burst, text="BOTH"))

    await place.undo()

    assert await place.texts() == ["one", "ONE"]


async def test_undo_of_a_retried_reply_takes_its_question_back_too(place: Place) -> None:
    await place.exchange("one", "ONE")
    for text in ("uno", "eins"):
        await place.record(a_reply(await place.ask(Ask.RETRY), text=text))

    await place.undo()

    assert await place.texts() == []


async def test_undo_while_the_bot_writes_takes_the_waiting_messages_back(log: SqlLog, place: Place) -> None:
    await place.exchange("one", "ONE")
    asked = await place.say("two")

    assert await place.undo()

    assert await place.texts() == ["one", "ONE"]
    assert await log.waiting("telegram", 0) == []
    assert await place.record(a_reply(asked, text="TWO")) is None
    assert await place.texts() == ["one", "ONE"]


async def test_undo_leaves_the_greeting(log: SqlLog, place: Place) -> None:
    async with log.writing() as writing:
        await writing.greet(place.chat, "Welcome!")

    assert not await place.undo()
    assert await place.texts() == ["Welcome!"]


async def test_what_was_undone_makes_room_for_what_comes(place: Place) -> None:
    await place.exchange("one", "ONE")
    await place.undo()
    await place.exchange("two", "TWO")

    assert await place.texts() == ["two", "TWO"]


async def test_a_reworded_message_is_asked_anew(log: SqlLog, place: Place) -> None:
    await place.exchange("one", "ONE")
    before = await place.exchange("tow", "TOW?")
    epoch = place.chat.epoch

    again = await place.reword("2", "two")

    assert again is not None
    assert [(asked.message_id, asked.text) for asked in again] == [(before.message_id, "two")]
    assert again[0].epoch == place.chat.epoch == epoch + 1
    assert again[0].after == before.after
    assert await place.history() == ["one", "ONE"]
    assert [(turn.text, turn.version, turn.state) for turn in await place.shown()][2:] == [
        ("two", 2, TurnState.WAITING)
    ]
    await place.record(a_reply(*again, text="TWO"))
    assert await place.history() == ["one", "ONE", "two", "TWO"]
    everything = await log.everything_about("telegram", "17")
    assert {turn["text"] for turn in everything["dialogues"][0]["turns"] if turn["is_dropped"]} == {"tow", "TOW?"}


async def test_a_dropped_reply_still_answers_the_old_wording(log: SqlLog, place: Place) -> None:
    await place.exchange("tow", "TOW?")
    again = await place.reword("1", "two")
    assert again is not None
    await place.record(a_reply(*again, text="TWO"))

    message, reply = turns.alias(), turns.alias()
    pairs = (
        select(message.c.text, reply.c.text)
        .join_from(answers, message, message.c.id == answers.c.turn_id)
        .join(reply, reply.c.reply_id == answers.c.reply_id)
    )
    async with transaction(log._engines.reading) as connection:
        rows = (await connection.execute(pairs)).all()
    assert {(said, answer) for said, answer in rows} == {("tow", "TOW?"), ("two", "TWO")}


async def test_a_burst_is_reworded_in_its_order(place: Place) -> None:
    burst = [await place.say("uno"), await place.say("two")]
    await place.record(a_reply(*burst, text="BOTH"))

    again = await place.reword("1", "one")

    assert again is not None
    assert [asked.text for asked in again] == ["one", "two"]
    await place.record(a_reply(*again, text="both"))
    assert await place.history() == ["one", "two", "both"]


async def test_a_message_that_waits_is_reworded_with_the_others_waiting(log: SqlLog, place: Place) -> None:
    old = [await place.say("one"), await place.say("tow")]

    again = await place.reword("2", "two")

    assert again is not None
    assert [asked.text for asked in again] == ["one", "two"]
    assert [asked.text for asked in await log.waiting("telegram", 0)] == ["one", "two"]
    assert await place.record(a_reply(*old, text="stale")) is None
    assert await place.record(a_reply(*again, text="both")) is not None
    assert await place.history() == ["one", "two", "both"]


async def test_a_failed_message_is_asked_again_when_it_is_reworded(place: Place) -> None:
    await place.record(a_reply(await place.say("tow"), outcome=Outcome.EMPTY))

    again = await place.reword("1", "two")

    assert again is not None
    await place.record(a_reply(*again, text="TWO"))
    assert await place.history() == ["two", "TWO"]


async def test_rewording_the_last_exchange_keeps_what_was_said_after_it_waiting(place: Place) -> None:
    await place.exchange("tow", "TOW?")
    await place.say("three")

    again = await place.reword("1", "two")

    assert again is not None
    assert [asked.text for asked in again] == ["two", "three"]
    assert await place.texts() == ["two", "three"]


async def test_a_message_reworded_twice_keeps_every_wording(log: SqlLog, place: Place) -> None:
    await place.exchange("wto", "WTO?")
    await place.reword("1", "tow")
    again = await place.reword("1", "two")

    assert again is not None
    await place.record(a_reply(*again, text="TWO"))
    assert await place.history() == ["two", "TWO"]
    everything = await log.everything_about("telegram", "17")
    wordings = {(turn["text"], turn["version"]) for turn in everything["dialogues"][0]["turns"]}
    assert {("wto", 1), ("tow", 2), ("two", 3)} <= wordings


async def test_an_older_message_is_not_reworded(place: Place) -> None:
    await place.exchange("one", "ONE")
    await place.exchange("two", "TWO")

    assert await place.reword("1", "uno") is None
    assert await place.reword("unknown", "what?") is None
    assert await place.texts() == ["one", "ONE", "two", "TWO"]


async def test_an_edit_without_another_wording_changes_nothing(place: Place) -> None:
    await place.exchange("one", "ONE")
    chat = place.chat

    assert await place.reword("1", "one") == []
    assert place.chat == chat
    assert await place.texts() == ["one", "ONE"]


async def test_nobody_rewords_what_somebody_else_said(log: SqlLog) -> None:
    anna = await open_place(log, "-5", ChatKind.GROUP, "17", "Анна")
    boris = await open_place(log, "-5", ChatKind.GROUP, "18", "Борис")
    await anna.say("from Anna", "1")

    assert await boris.reword("1", "from Boris") is None
    assert await anna.texts() == ["from Anna"]
