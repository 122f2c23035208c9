"""What is said and asked, and how it is called off."""

from __future__ import annotations

import pytest

from dialogue.errors import TooManyWaiting
from dialogue.turns import Ask, Outcome
from storage.log.sql_log import SqlLog
from storage.records import Author, ChatKind, TurnState
from tests.storage.conftest import Clock
from tests.storage.log.places import Place, a_reply, open_place


async def test_a_message_waits_until_it_is_answered(log: SqlLog, place: Place, clock: Clock) -> None:
    asked = await place.say("hello")
    clock.now += 10

    assert await log.waiting("telegram", older_than_s=10) == [asked]
    assert await log.waiting("telegram", older_than_s=11) == []
    assert await log.waiting("web", older_than_s=0) == []

    await place.record(a_reply(asked, text="hi"))

    assert await log.waiting("telegram", older_than_s=0) == []


async def test_a_message_knows_the_last_reply_before_it(place: Place) -> None:
    first = await place.say("one")
    finished = a_reply(first, text="ONE")
    await place.record(finished)

    assert first.after == ""
    assert (await place.say("two")).after == finished.reply_id


async def test_a_message_said_through_an_outdated_record_of_the_chat_belongs_to_the_open_dialogue(
    log: SqlLog, place: Place
) -> None:
    async with log.writing() as writing:
        anew = await writing.new_dialogue(place.chat)

    asked = await place.say("hello")

    assert (asked.dialogue_id, asked.epoch) == (anew.dialogue_id, anew.epoch)


async def test_no_more_than_so_many_messages_wait(log: SqlLog, place: Place) -> None:
    await place.say("one")
    await place.say("two")

    with pytest.raises(TooManyWaiting, match="2 messages"):
        async with log.writing() as writing:
            await writing.say(place.chat, place.person, "three", max_waiting=2)

    assert await place.texts() == ["one", "two"]


async def test_the_dialogue_knows_what_was_said_in_it_also_what_was_taken_back(log: SqlLog, place: Place) -> None:
    chat = place.chat
    async with log.writing() as writing:
        await writing.say(chat, place.person, "hello", external_id="5")
        await writing.undo(chat)
        said = [await writing.was_said(chat, external_id) for external_id in ("5", "6")]
        anew = await writing.new_dialogue(chat)
        said.append(await writing.was_said(anew, "5"))

    assert said == [True, False, False]


async def test_asking_twice_for_the_same_is_asking_once(log: SqlLog, place: Place) -> None:
    await place.exchange("hello", "hi")

    first, second = await place.ask(Ask.RETRY), await place.ask(Ask.RETRY)

    assert first == second
    assert [asked.ask for asked in await log.waiting("telegram", 0)] == [Ask.RETRY]


async def test_what_is_asked_without_words_is_not_in_the_transcript(place: Place) -> None:
    await place.exchange("hello", "hi")
    asked = await place.ask(Ask.CONTINUE)

    assert await place.texts() == ["hello", "hi"]

    await place.record(a_reply(asked, outcome=Outcome.EMPTY))

    assert await place.texts() == ["hello", "hi"]
    assert await place.history() == ["hello", "hi"]


async def test_what_is_called_off_stays_as_it_was_said(log: SqlLog, place: Place) -> None:
    await place.exchange("hello", "hi")
    await place.say("one")
    await place.ask(Ask.RETRY)
    await place.say("two")
    epoch = place.chat.epoch

    assert await place.interrupt() == 3

    assert place.chat.epoch == epoch + 1
    assert await log.waiting("telegram", 0) == []
    assert await place.history() == ["hello", "hi", "one", "two"]
    assert [turn.state for turn in await place.shown()][2:] == [TurnState.CANCELLED] * 2
    assert await place.interrupt() == 0


async def test_a_new_dialogue_begins_empty_and_counts_interruptions_on(log: SqlLog, place: Place) -> None:
    old = place.chat
    asked = await place.say("hello")

    async with log.writing() as writing:
        place.chat = await writing.new_dialogue(old, "support")

    assert place.chat.seed == "support"
    assert place.chat.dialogue_id != old.dialogue_id
    assert place.chat.epoch > old.epoch
    assert await place.texts() == []
    assert await log.waiting("telegram", 0) == []
    assert (await log.history(old.dialogue_id)).turn_ids == (asked.message_id,)
    async with log.writing() as writing:
        assert await writing.chat_by_id(old.id) == place.chat
        assert (await writing.new_dialogue(place.chat)).seed == "support"


async def test_a_greeting_is_the_first_turn_and_the_last_reply(log: SqlLog, place: Place) -> None:
    async with log.writing() as writing:
        turn_id = await writing.greet(place.chat, "Welcome!")
        chat = await writing.chat_by_id(place.chat.id)
    asked = await place.say("hello")

    shown = await place.shown()
    assert (shown[0].turn_id, shown[0].author, shown[0].text) == (turn_id, Author.SEED, "Welcome!")
    logged = await log.history(chat.dialogue_id)
    assert logged.turn_ids == (chat.last_reply,)
    assert asked.after == chat.last_reply


async def test_two_people_of_a_group_are_told_apart(log: SqlLog) -> None:
    anna = await open_place(log, "-5", ChatKind.GROUP, "17", "Анна")
    boris = await open_place(log, "-5", ChatKind.GROUP, "18", "Борис")
    asked = [await anna.say("from Anna", "1"), await boris.say("from Boris", "2")]

    await anna.record(a_reply(*asked, text="to both"))

    assert anna.chat == boris.chat
    assert [(turn.name, turn.text) for turn in await boris.shown()] == [
        ("Анна", "from Anna"),
        ("Борис", "from Boris"),
        ("", "to both"),
    ]
