"""What the inbox knows of a dialogue, after everything that changes it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from sqlalchemy import select

from dialogue.turns import Ask, Outcome
from storage.log import tables
from storage.log.sql import transaction
from storage.log.sql_log import SqlLog
from storage.records import ChatKind
from tests.storage.conftest import Clock
from tests.storage.log.places import Place, a_generation, a_reply, an_operator, open_place


async def known(place: Place, *names: str) -> tuple[Any, ...]:
    """Return columns of the dialogue's row."""
    async with transaction(place.log._engines.reading) as connection:
        read = select(tables.dialogues).where(tables.dialogues.c.id == place.chat.dialogue_id)
        row = (await connection.execute(read)).one()
    return tuple(getattr(row, name) for name in names)


async def test_messages_are_counted_when_they_are_said(log: SqlLog, place: Place) -> None:
    assert await known(place, "messages", "retries", "failures") == (0, 0, 0)
    await place.exchange("one", "ONE")
    await place.say("two")
    await place.ask(Ask.RETRY)
    await place.undo()
    await place.exchange("tow", "TOW")
    await place.reword("3", "two")

    assert await known(place, "messages", "retries", "failures") == (3, 0, 0)


async def test_new_versions_and_failures_are_counted(log: SqlLog, place: Place) -> None:
    await place.exchange("one", "ONE")
    for ask in (Ask.RETRY, Ask.RETRY, Ask.CONTINUE):
        await place.record(a_reply(await place.ask(ask), text=ask))
    await place.record(a_reply(await place.say("two"), outcome=Outcome.ENGINE_DOWN))
    await place.record(a_reply(await place.say("three"), outcome=Outcome.PUT_ASIDE))
    late = replace(a_reply(await place.say("four"), outcome=Outcome.EMPTY), epoch=-1)
    await place.record(late)

    assert await known(place, "messages", "retries", "failures") == (4, 2, 2)


async def test_the_last_model_and_the_lowest_likelihood_are_known(log: SqlLog, place: Place) -> None:
    assert await known(place, "model", "likelihood") == ("", None)
    await place.exchange("one", "ONE")
    assert await known(place, "model", "likelihood") == ("gemma", None)
    for model, likelihoods in (("a", (-9.0, -2.0)), ("b", (-3.0,)), ("c", (-1.0,)), ("d", (None,))):
        drawn = tuple(a_generation(model=model, likelihood=each) for each in likelihoods)
        await place.record(a_reply(await place.say("more"), text="MORE", drawn=drawn))

    # Of several draws the last one is what was said.
    assert await known(place, "model", "likelihood") == ("d", -3.0)

    late = a_reply(await place.say("late"), text="too late", drawn=(a_generation(model="e", likelihood=-99.0),))
    await place.record(replace(late, epoch=-1))
    assert await known(place, "model", "likelihood") == ("d", -3.0)


async def test_replies_that_are_recorded_together_are_counted_each(log: SqlLog, place: Place) -> None:
    first, second = await place.say("one"), await place.say("two")
    finished = [
        a_reply(first, text="ONE", drawn=(a_generation(model="a", likelihood=-5.0),)),
        a_reply(second, text="TWO", drawn=(a_generation(model="b", likelihood=-1.0),)),
    ]
    async with log.writing() as writing:
        await writing.record_replies(finished)

    assert await known(place, "model", "likelihood", "messages") == ("b", -5.0, 2)


async def test_the_last_words_are_those_that_people_see(log: SqlLog, place: Place, clock: Clock) -> None:
    opened = clock.now
    clock.now += 1
    await place.exchange("one", "ONE")
    assert await known(place, "last_turn_id", "last_at") == (await place.turn("ONE"), opened + 1)
    clock.now += 1
    await place.record(a_reply(await place.ask(Ask.RETRY), text="UNO"))
    assert await known(place, "last_turn_id", "last_at") == (await place.turn("UNO"), opened + 2)
    clock.now += 1
    asked = await place.say("two")
    assert await known(place, "last_turn_id", "last_at") == (int(asked.message_id), opened + 3)
    clock.now += 1
    await place.undo()
    assert await known(place, "last_turn_id", "last_at") == (await place.turn("UNO"), opened + 2)
    await place.undo()
    assert await known(place, "last_turn_id", "last_at", "touched_at") == (None, opened, clock.now)


async def test_every_change_is_told_to_open_pages(log: SqlLog, place: Place, clock: Clock) -> None:
    olga = await an_operator(log)
    id = place.chat.dialogue_id

    async def is_told() -> bool:
        async with log.reviewing() as reading:
            return id in await reading.touched_since(clock.now)

    asked = await place.say("one")
    for what in (
        "record",
        "retry",
        "interrupt",
        "claim",
        "claim again",
        "operator",
        "release",
        "human",
        "thumb",
        "new",
    ):
        clock.now += 1
        async with log.writing() as writing:
            match what:
                case "record":
                    await writing.record_reply(a_reply(asked, text="ONE"))
                case "retry":
                    await writing.ask(place.chat, place.person, Ask.RETRY)
                case "interrupt":
                    await writing.interrupt(place.chat)
                case "claim" | "claim again":
                    await writing.claim(id, olga.id)
                case "operator":
                    await writing.operator_says(id, olga.id, "by hand")
                case "release":
                    await writing.release(id, olga.id)
                case "human":
                    await writing.want_human(id)
                case "thumb":
                    assert await writing.thumb(place.chat, place.person, await place.turn("by hand"), True, "button")
                case "new":
                    await writing.new_dialogue(place.chat)
        assert await is_told(), what


async def test_transactions_that_touch_each_other_do_not_wait_for_ever(log: SqlLog) -> None:
    places = [await open_place(log, str(number), ChatKind.GROUP, "17") for number in range(4)]

    async def say(order: list[Place]) -> None:
        async with log.writing() as writing:
            for place in order:
                await writing.say(place.chat, place.person, "hello")

    async with asyncio.TaskGroup() as tasks:
        for number in range(20):
            tasks.create_task(say(places if number % 2 else places[::-1]))

    assert [await known(place, "messages") for place in places] == [(20,)] * 4


async def test_what_happens_at_once_is_all_counted(log: SqlLog, place: Place) -> None:
    async with asyncio.TaskGroup() as tasks:
        for number in range(15):
            tasks.create_task(place.say(f"message {number}"))

    assert await known(place, "messages") == (15,)
