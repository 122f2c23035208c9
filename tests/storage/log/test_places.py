"""People and chats, and chats that move."""

from __future__ import annotations

import pytest

from dialogue.errors import StorageError
from storage.log.sql_log import SqlLog
from storage.records import ChatKind
from tests.storage.log.places import Place, open_place


async def test_a_chat_is_made_once(log: SqlLog) -> None:
    async with log.writing() as writing:
        made = await writing.chat("telegram", "17", ChatKind.PRIVATE, "small-talk", "ru")
        found = await writing.chat("telegram", "17", ChatKind.PRIVATE, "another seed", "ru")
        elsewhere = await writing.chat("web", "17", ChatKind.PRIVATE, "small-talk", "ru")

    assert found == made
    assert (made.seed, made.settings, made.is_active, made.epoch, made.last_reply) == ("small-talk", {}, True, 0, "")
    assert elsewhere.id != made.id


async def test_the_newest_name_of_a_person_is_kept(log: SqlLog, place: Place) -> None:
    async with log.writing() as writing:
        renamed = await writing.person("telegram", "17", "Аня", "en-GB")

    assert renamed.id == place.person.id
    person = (await log.everything_about("telegram", "17"))["person"]
    assert (person["name"], person["language"]) == ("Аня", "en-GB")


async def test_a_private_chat_follows_the_language_of_its_person_and_a_group_does_not(log: SqlLog) -> None:
    for kind, expected in ((ChatKind.PRIVATE, "en"), (ChatKind.GROUP, "ru")):
        async with log.writing() as writing:
            await writing.chat("telegram", kind, kind, "small-talk", "ru")
            await writing.chat("telegram", kind, kind, "small-talk", "en")
            chat = await writing.chat("telegram", kind, kind, "small-talk", expected)
            assert (await writing.chat_by_id(chat.id)).language == expected


async def test_settings_and_activity_are_kept(log: SqlLog, place: Place) -> None:
    async with log.writing() as writing:
        changed = await writing.set_settings(place.chat, {"temperature": "lively"})
        await writing.set_active(place.chat.id, is_active=False)

    async with log.writing() as writing:
        kept = await writing.chat_by_id(place.chat.id)
    assert changed.settings == kept.settings == {"temperature": "lively"}
    assert not kept.is_active


async def test_messages_carry_the_settings_of_their_chat(log: SqlLog, place: Place) -> None:
    async with log.writing() as writing:
        place.chat = await writing.set_settings(place.chat, {"length": "short"})

    asked = await place.say("hello")

    assert asked.settings == {"length": "short"}
    assert await log.waiting("telegram", 0) == [asked]


async def test_a_chat_that_nobody_knows_is_an_error(log: SqlLog) -> None:
    with pytest.raises(StorageError, match="chat 4711"):
        async with log.writing() as writing:
            await writing.chat_by_id(4711)


async def test_a_chat_that_moves_keeps_its_dialogue(log: SqlLog) -> None:
    group = await open_place(log, "-5", ChatKind.GROUP)
    await group.exchange("one", "ONE")

    for _ in range(2):  # Telegram tells it twice: in the old group and in the new one.
        async with log.writing() as writing:
            await writing.move_chat("telegram", "-5", "-1005")

    moved = await open_place(log, "-1005", ChatKind.GROUP)
    assert moved.chat.id == group.chat.id
    assert await moved.texts() == ["one", "ONE"]
    assert [outgoing.chat_external_id for outgoing in await log.unsent("telegram")] == ["-1005"]


async def test_a_talk_at_the_new_place_goes_on_when_the_old_place_moves_there(log: SqlLog) -> None:
    old = await open_place(log, "-5", ChatKind.GROUP)
    await old.exchange("one", "ONE")
    await old.say("waits")
    new = await open_place(log, "-1005", ChatKind.GROUP)
    await new.exchange("two", "TWO")

    async with log.writing() as writing:
        await writing.move_chat("telegram", "-5", "-1005")

    assert await new.texts() == ["two", "TWO"]
    assert await log.waiting("telegram", 0) == []
    assert [turn.text for turn in (await log.history(old.chat.dialogue_id)).dialogue.turns] == ["one", "ONE", "waits"]
    assert {outgoing.chat_external_id for outgoing in await log.unsent("telegram")} == {"-1005"}
    assert (await open_place(log, "-5", ChatKind.GROUP)).chat.id != old.chat.id
