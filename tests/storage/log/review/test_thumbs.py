"""What people think of replies."""

from __future__ import annotations

import asyncio

import pytest

from dialogue.turns import Ask
from storage.log.sql_log import SqlLog
from storage.records import Chat, ChatKind
from storage.reviewed import Flag, InboxFilter
from tests.storage.log.places import Place, a_reply, open_place


async def replied(place: Place, *external_ids: str) -> int:
    """Have something said and answered in messages of these ids; return the turn of the answer."""
    outgoing = await place.record(a_reply(await place.say("Привет"), text="Здравствуйте!"))
    assert outgoing is not None
    async with place.log.writing() as writing:
        await writing.mark_sent(outgoing.id, len(external_ids), external_ids)
    return int(outgoing.turn_id)


async def think(place: Place, turn_id: int, is_up: bool | None, source: str, chat: Chat | None = None) -> bool:
    async with place.log.writing() as writing:
        return await writing.thumb(chat or place.chat, place.person, turn_id, is_up, source)


async def thumbs(place: Place, turn_id: int) -> tuple[bool | None, bool | None]:
    """Return what the place's person said with a button and with a reaction."""
    async with place.log.writing() as writing:
        return (
            await writing.thumb_of(place.person, turn_id, "button"),
            await writing.thumb_of(place.person, turn_id, "reaction"),
        )


async def test_the_last_word_counts_in_whichever_way_it_was_said(place: Place) -> None:
    turn_id = await replied(place, "100")
    assert await thumbs(place, turn_id) == (None, None)
    await think(place, turn_id, True, "button")
    assert await thumbs(place, turn_id) == (True, None)
    await think(place, turn_id, False, "reaction")
    assert await thumbs(place, turn_id) == (None, False)


async def test_what_was_said_in_another_way_since_is_not_taken_back(place: Place) -> None:
    turn_id = await replied(place, "100")
    await think(place, turn_id, True, "reaction")
    await think(place, turn_id, False, "button")
    await think(place, turn_id, None, "reaction")
    assert await thumbs(place, turn_id) == (False, None)
    await think(place, turn_id, None, "button")
    assert await thumbs(place, turn_id) == (None, None)


async def test_nobody_can_think_something_of_a_reply_in_another_chat_or_of_what_is_none(
    log: SqlLog, place: Place
) -> None:
    other = await open_place(log, "18", person_id="18")
    turn_id = await replied(place, "100")
    said = (await place.shown())[0].turn_id
    assert not await think(other, turn_id, True, "button")
    assert not await think(place, int(said), True, "button")
    assert not await think(place, 2**62, True, "button")


async def test_the_reply_of_a_message_is_found_by_any_of_its_parts(place: Place) -> None:
    turn_id = await replied(place, "100", "101")
    async with place.log.writing() as writing:
        for external_id in ("100", "101"):
            assert await writing.turn_of_message("telegram", "17", external_id) == (place.chat.id, turn_id)
        assert await writing.turn_of_message("telegram", "17", "102") is None
        assert await writing.turn_of_message("telegram", "18", "100") is None
        assert await writing.turn_of_message("web", "17", "100") is None


async def test_a_message_that_carries_no_reply_has_none(place: Place) -> None:
    async with place.log.writing() as writing:
        notice = await writing.post(place.chat, "Эта кнопка уже не действует.")
        await writing.mark_sent(notice.id, 1, ["100"])
        assert await writing.turn_of_message("telegram", "17", "100") is None


@pytest.mark.parametrize(
    ("place_id", "is_found"), [("-100", True), ("-10", False), ("-100:5", True), ("-100:6", False)]
)
async def test_a_message_in_a_topic_is_found_by_its_forum(log: SqlLog, place_id: str, is_found: bool) -> None:
    topic = await open_place(log, "-100:5", ChatKind.GROUP)
    turn_id = await replied(topic, "100")
    async with log.writing() as writing:
        found = await writing.turn_of_message("telegram", place_id, "100")
    assert found == ((topic.chat.id, turn_id) if is_found else None)


async def dislikes(place: Place) -> bool:
    """Say whether operators are told that somebody dislikes something in the dialogue."""
    async with place.log.reviewing() as reading:
        return bool((await reading.inbox(InboxFilter(flag=Flag.DISLIKED))).rows)


async def test_a_dialogue_is_disliked_as_long_as_a_thumb_is_down(place: Place) -> None:
    first, second = await replied(place, "100"), await replied(place, "101")
    assert not await dislikes(place)
    await think(place, first, True, "button")
    assert not await dislikes(place)
    await think(place, first, False, "button")
    await think(place, second, False, "reaction")
    assert await dislikes(place)
    await think(place, first, True, "button")
    assert await dislikes(place)
    await think(place, second, None, "reaction")
    assert not await dislikes(place)


async def test_what_was_disliked_and_retried_stays_disliked(place: Place) -> None:
    await think(place, await replied(place, "100"), False, "button")
    await place.record(a_reply(await place.ask(Ask.RETRY), text="Добрый день!"))

    assert await dislikes(place)


async def test_everybody_in_a_group_has_a_thumb(log: SqlLog) -> None:
    anna = await open_place(log, "-5", ChatKind.GROUP, "17")
    boris = await open_place(log, "-5", ChatKind.GROUP, "18")
    turn_id = await replied(anna, "100")
    await think(anna, turn_id, False, "reaction")
    await think(boris, turn_id, True, "reaction")
    assert (await thumbs(anna, turn_id), await thumbs(boris, turn_id)) == ((None, False), (None, True))

    await think(anna, turn_id, None, "reaction")

    assert (await thumbs(anna, turn_id), await thumbs(boris, turn_id)) == ((None, None), (None, True))
    assert not await dislikes(boris)


async def test_whoever_presses_twice_at_once_has_one_thumb(place: Place) -> None:
    turn_id = await replied(place, "100")

    results = await asyncio.gather(*[think(place, turn_id, number % 2 == 0, "button") for number in range(6)])

    assert all(results)
    assert (await thumbs(place, turn_id))[0] is not None
