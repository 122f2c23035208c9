"""Dialogues that were put off, and when they come back."""

from __future__ import annotations

from storage.log.review.changes import Change
from storage.log.sql_log import SqlLog
from storage.operators import Role
from storage.records import DialogueStatus
from tests.storage.conftest import Clock
from tests.storage.log.places import Place


async def status(log: SqlLog, place: Place) -> DialogueStatus:
    async with log.reviewing() as reading:
        dialogue = await reading.dialogue(place.chat.dialogue_id)
    assert dialogue is not None
    return dialogue.row.status


async def test_a_snoozed_dialogue_is_open_again_at_its_time_and_not_before(
    log: SqlLog, place: Place, clock: Clock
) -> None:
    await place.say("Until tomorrow, then.")
    dialogue_id = place.chat.dialogue_id
    async with log.writing() as writing:
        lead = await writing.add_operator("lead", Role.LEAD, "hash")
        until = Change(dialogue_id, "snoozed_until", clock.now + 60)
        await writing.change(lead, [Change(dialogue_id, "status", "snoozed"), until])
    assert not await log.is_anything_to_wake()

    clock.now += 60
    assert await log.is_anything_to_wake()
    async with log.writing() as writing:
        await writing.wake_snoozed()

    assert await status(log, place) is DialogueStatus.OPEN
    assert not await log.is_anything_to_wake()
