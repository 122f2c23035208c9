"""Messages on their way out, and what is left of them after a crash."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import select

from storage.log import tables
from storage.log.sql import transaction
from storage.log.sql_log import SqlLog
from storage.records import Outgoing, SendState
from tests.storage.log.places import Place, a_reply

BUTTONS = ((("Да ✅", "yes"), ("Нет", "no")), (("Later", "later"),))


async def post(place: Place, text: str = "notice") -> Outgoing:
    async with place.log.writing() as writing:
        return await writing.post(place.chat, text, BUTTONS, reply_to="12")


async def parts_of(log: SqlLog, outgoing: Outgoing) -> list[tuple[int, str]]:
    parts = tables.outbox_parts
    async with transaction(log._engines.reading) as connection:
        statement = select(parts).where(parts.c.outbox_id == outgoing.id).order_by(parts.c.part)
        return [(row.part, row.external_id) for row in await connection.execute(statement)]


async def test_a_notice_is_unsent_until_it_is_marked(log: SqlLog, place: Place) -> None:
    outgoing = await post(place)

    assert await log.unsent("telegram") == [outgoing]
    assert await log.unsent("web") == []

    async with log.writing() as writing:
        await writing.mark_sent(outgoing.id, 2, ["100", "101"])

    assert await log.unsent("telegram") == []
    assert await parts_of(log, outgoing) == [(1, "100"), (2, "101")]


async def test_what_was_being_sent_when_the_bot_died_may_be_a_duplicate(log: SqlLog, place: Place) -> None:
    first, second = await post(place, "first"), await post(place, "second")
    async with log.writing() as writing:
        await writing.mark_sending([first.id])

    assert await log.unsent("telegram") == [replace(first, state=SendState.SENDING, maybe_duplicate=True), second]

    async with log.writing() as writing:
        await writing.mark_sending([first.id, second.id])
        await writing.mark_sending([])
        await writing.mark_sent_many([(first.id, 1, ["1"]), (second.id, 1, ["2"])])
        await writing.mark_sent_many([])
    async with transaction(log._engines.reading) as connection:
        rows = (await connection.execute(select(tables.outbox).order_by(tables.outbox.c.id))).all()
    assert [(row.state, row.is_maybe_duplicate) for row in rows] == [("sent", True), ("sent", False)]


async def test_what_is_sent_already_or_erased_is_not_to_be_sent_any_more(log: SqlLog, place: Place) -> None:
    sent, unsent = await post(place, "sent"), await post(place, "unsent")
    async with log.writing() as writing:
        await writing.mark_sent(sent.id, 1, ["1"])

    async with log.writing() as writing:
        due = await writing.mark_sending([sent.id, unsent.id, 999])

    assert due == {unsent.id}
    assert [each.id for each in await log.unsent("telegram")] == [unsent.id]


async def test_a_message_of_many_parts_goes_on_where_it_stopped(log: SqlLog, place: Place) -> None:
    outgoing = await post(place)
    async with log.writing() as writing:
        await writing.mark_sending([outgoing.id])
        await writing.mark_part(outgoing.id, 1, "100")
        await writing.mark_part(outgoing.id, 2, "101")

    assert [each.sent_parts for each in await log.unsent("telegram")] == [2]

    async with log.writing() as writing:
        await writing.mark_sent(outgoing.id, 3, ["102"])

    assert await parts_of(log, outgoing) == [(1, "100"), (2, "101"), (3, "102")]


async def test_parts_may_be_named_again_at_the_end(log: SqlLog, place: Place) -> None:
    outgoing = await post(place)
    async with log.writing() as writing:
        await writing.mark_part(outgoing.id, 1, "100")
        await writing.mark_sent(outgoing.id, 2, ["100", "101"])

    assert await parts_of(log, outgoing) == [(1, "100"), (2, "101")]


async def test_a_message_that_cannot_be_sent_is_not_tried_again(log: SqlLog, place: Place) -> None:
    outgoing = await post(place)

    async with log.writing() as writing:
        await writing.mark_failed(outgoing.id, "Forbidden: bot was blocked by the user")

    assert await log.unsent("telegram") == []


async def test_replies_and_notices_are_sent_in_order(log: SqlLog, place: Place) -> None:
    await post(place, "one")
    await place.record(a_reply(await place.say("hello"), text="two"))
    await post(place, "three")

    assert [outgoing.text for outgoing in await log.unsent("telegram")] == ["one", "two", "three"]
    assert [outgoing.text for outgoing in await log.unsent("telegram", limit=2)] == ["one", "two"]


async def test_marking_a_message_that_was_erased_changes_nothing(log: SqlLog, place: Place) -> None:
    outgoing = await post(place)
    async with log.writing() as writing:
        await writing.forget("telegram", "17")

    async with log.writing() as writing:
        await writing.mark_sending([outgoing.id])
        await writing.mark_part(outgoing.id, 1, "100")
        await writing.mark_sent(outgoing.id, 1, ["100"])

    assert await parts_of(log, outgoing) == []
