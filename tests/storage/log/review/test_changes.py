"""What operators decide: kept with what it was before, and undone."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import select

from dialogue.errors import Overtaken, ReviewError
from storage.log.review.audit import COMMAND_LINE
from storage.log.review.changes import Change
from storage.log.sql import transaction
from storage.log.sql_log import SqlLog
from storage.log.tables import audit
from storage.operators import Operator
from storage.records import ChatKind, DialogueStatus
from storage.reviewed import Approval, Deed, Rating, ReviewedDialogue, ReviewedTurn, Verdict
from tests.storage.conftest import Clock
from tests.storage.log.places import Place, a_reply, an_operator, open_place


@pytest.fixture
async def olga(log: SqlLog) -> Operator:
    return await an_operator(log, "Olga")


@pytest.fixture
async def talk(place: Place) -> Place:
    """A dialogue of one exchange."""
    await place.exchange("one", "ONE")
    return place


async def change(log: SqlLog, operator: Operator, *changes: Change) -> str:
    async with log.writing() as writing:
        return await writing.change(operator, changes)


async def undo(log: SqlLog, operator: Operator, batch: str) -> None:
    async with log.writing() as writing:
        await writing.undo_change(operator, batch)


async def reviewed(place: Place) -> ReviewedDialogue:
    async with place.log.reviewing() as reading:
        found = await reading.dialogue(place.chat.dialogue_id)
    assert found is not None
    return found


async def turn(place: Place, text: str) -> ReviewedTurn:
    (found,) = [each for each in (await reviewed(place)).turns if each.text == text]
    return found


async def deeds(log: SqlLog) -> list[Deed]:
    async with log.reviewing() as reading:
        return await reading.deeds()


async def test_every_change_is_kept_with_what_was_before(log: SqlLog, talk: Place, olga: Operator) -> None:
    pavel = await an_operator(log, "Pavel")
    id = talk.chat.dialogue_id
    changes = [
        Change(id, "status", DialogueStatus.SNOOZED),
        Change(id, "snoozed_until", 2_000_000.5),
        Change(id, "approval", Approval.APPROVED),
        Change(id, "assignee_id", pavel.id),
        Change(id, "labels", ["offer", "billing"]),
    ]

    for each in changes:
        assert await change(log, olga, each)

    row = (await reviewed(talk)).row
    assert (row.status, row.snoozed_until, row.approval) == (DialogueStatus.SNOOZED, 2_000_000.5, Approval.APPROVED)
    assert (row.assignee, row.labels) == ("Pavel", ("billing", "offer"))
    assert [(each.operator, each.dialogue_id, each.action, each.before, each.after) for each in await deeds(log)] == [
        ("Olga", id, "labels", [], ["billing", "offer"]),
        ("Olga", id, "assignee_id", None, pavel.id),
        ("Olga", id, "approval", "", "approved"),
        ("Olga", id, "snoozed_until", None, 2_000_000.5),
        ("Olga", id, "status", "pending", "snoozed"),
    ]
    assert (await reviewed(talk)).deeds == tuple(await deeds(log))


async def test_what_is_thought_of_a_turn_is_its_verdict(log: SqlLog, talk: Place, olga: Operator) -> None:
    id, turn_id = talk.chat.dialogue_id, await talk.turn("ONE")
    assert (await turn(talk, "ONE")).verdict == Verdict()

    await change(
        log,
        olga,
        Change(id, "rating", Rating.BAD, turn_id),
        Change(id, "correction", "One.\x00 \ud83d", turn_id),
        Change(id, "reasons", ["rude", "off topic"], turn_id),
        Change(id, "labels", ["numbers"], turn_id),
        Change(id, "note", "why so loud?", turn_id),
    )

    assert (await turn(talk, "ONE")).verdict == Verdict(
        Rating.BAD, "One.\x00 \ud83d", ("off topic", "rude"), ("numbers",), "why so loud?", "Olga"
    )
    assert (await turn(talk, "one")).verdict == Verdict()
    assert {each.turn_id for each in await deeds(log)} == {turn_id}


@pytest.mark.parametrize(
    ("field", "value", "is_of_turn"),
    [
        ("status", DialogueStatus.RESOLVED, False),
        ("snoozed_until", 5.0, False),
        ("approval", Approval.REJECTED, False),
        ("assignee_id", 1, False),
        ("labels", ["b", "a"], False),
        ("rating", Rating.GOOD, True),
        ("correction", "Uno", True),
        ("reasons", ["b", "a"], True),
        ("labels", ["Я", "a"], True),
        ("note", "hm", True),
    ],
)
async def test_each_field_is_undone(
    log: SqlLog, talk: Place, olga: Operator, field: str, value: object, is_of_turn: bool
) -> None:
    before = await reviewed(talk)
    batch = await change(
        log, olga, Change(talk.chat.dialogue_id, field, value, await talk.turn("ONE") if is_of_turn else None)
    )
    assert (await reviewed(talk)).row != before.row or (await reviewed(talk)).turns != before.turns

    await undo(log, olga, batch)

    after = await reviewed(talk)
    assert after.row == before.row
    assert [each.verdict.rating for each in after.turns] == [Rating.NONE, Rating.NONE]
    assert [(each.verdict.correction, each.verdict.reasons, each.verdict.labels) for each in after.turns] == [
        ("", (), ()),
        ("", (), ()),
    ]
    assert [(each.action, each.is_undone) for each in await deeds(log)] == [("undo", False), (field, True)]


async def test_what_was_changed_together_is_undone_together(log: SqlLog, talk: Place, olga: Operator) -> None:
    other = await open_place(log, "18", person_id="18")
    await other.exchange("two", "TWO")
    both = [talk.chat.dialogue_id, other.chat.dialogue_id]
    await change(log, olga, Change(both[0], "approval", "rejected"))

    batch = await change(log, olga, *[Change(id, "approval", "approved") for id in both])

    assert {(await reviewed(each)).row.approval for each in (talk, other)} == {Approval.APPROVED}
    await undo(log, olga, batch)
    assert [(await reviewed(each)).row.approval for each in (talk, other)] == [Approval.REJECTED, Approval.NONE]


async def test_what_was_changed_twice_at_once_is_undone_backwards(log: SqlLog, talk: Place, olga: Operator) -> None:
    id = talk.chat.dialogue_id
    batch = await change(log, olga, Change(id, "approval", "approved"), Change(id, "approval", "rejected"))

    await undo(log, olga, batch)

    assert (await reviewed(talk)).row.approval is Approval.NONE


async def test_of_changes_one_of_which_cannot_be_none_is_made(log: SqlLog, talk: Place, olga: Operator) -> None:
    with pytest.raises(ReviewError):
        await change(
            log, olga, Change(talk.chat.dialogue_id, "approval", "approved"), Change("gone", "approval", "approved")
        )

    assert (await reviewed(talk)).row.approval is Approval.NONE
    assert await deeds(log) == []


async def test_nothing_is_undone_that_somebody_has_changed_since(log: SqlLog, talk: Place, olga: Operator) -> None:
    pavel = await an_operator(log, "Pavel")
    id = talk.chat.dialogue_id
    batch = await change(log, olga, Change(id, "labels", ["a"]), Change(id, "approval", "approved"))
    await change(log, pavel, Change(id, "approval", "rejected"))

    with pytest.raises(Overtaken):
        await undo(log, olga, batch)

    row = (await reviewed(talk)).row
    assert (row.labels, row.approval) == (("a",), Approval.REJECTED)
    assert not any(each.is_undone for each in await deeds(log))


async def test_a_change_is_undone_once(log: SqlLog, talk: Place, olga: Operator) -> None:
    batch = await change(log, olga, Change(talk.chat.dialogue_id, "approval", "approved"))
    await undo(log, olga, batch)

    for each in (batch, "never made", ""):
        with pytest.raises(ReviewError, match="nothing to undo"):
            await undo(log, olga, each)


async def test_of_two_who_undo_at_once_one_does(log: SqlLog, talk: Place, olga: Operator) -> None:
    batch = await change(log, olga, Change(talk.chat.dialogue_id, "approval", "approved"))

    results = await asyncio.gather(undo(log, olga, batch), undo(log, olga, batch), return_exceptions=True)

    assert sorted(type(each).__name__ for each in results) == ["NoneType", "ReviewError"]


async def test_what_is_no_change_cannot_be_undone(log: SqlLog, talk: Place, olga: Operator) -> None:
    async with log.writing() as writing:
        await writing.note_action(olga, "login")
        await writing.note_action(None, "operator_added", about="Pavel")
        await writing.note_action(olga, "claim", talk.chat.dialogue_id)
    done = await deeds(log)

    assert [(each.operator, each.action, each.dialogue_id, each.after) for each in done] == [
        ("Olga", "claim", talk.chat.dialogue_id, None),
        (COMMAND_LINE, "operator_added", "", "Pavel"),
        ("Olga", "login", "", None),
    ]
    for batch in await batches(log):
        with pytest.raises(ReviewError, match="nothing to undo"):
            await undo(log, olga, batch)


async def batches(log: SqlLog) -> list[str]:
    async with transaction(log._engines.reading) as connection:
        return list((await connection.execute(select(audit.c.batch))).scalars())


async def test_what_is_so_already_makes_no_entry(log: SqlLog, talk: Place, olga: Operator) -> None:
    id, turn_id = talk.chat.dialogue_id, await talk.turn("ONE")
    await change(log, olga, Change(id, "labels", ["b", "a"]), Change(id, "rating", "good", turn_id))
    done = await deeds(log)

    assert not await change(
        log,
        olga,
        Change(id, "labels", ["a", "b", "a"]),
        Change(id, "status", "pending"),
        Change(id, "snoozed_until", None),
        Change(id, "rating", "good", turn_id),
        Change(id, "correction", "", turn_id),
        Change(id, "note", "", await talk.turn("one")),
    )
    assert not await change(log, olga)
    assert await deeds(log) == done


async def test_a_turn_of_another_dialogue_is_not_changed(log: SqlLog, talk: Place, olga: Operator) -> None:
    other = await open_place(log, "18", person_id="18")

    with pytest.raises(ReviewError, match="this turn is gone"):
        await change(log, olga, Change(other.chat.dialogue_id, "rating", "good", await talk.turn("ONE")))

    assert (await turn(talk, "ONE")).verdict == Verdict()


@pytest.mark.parametrize(
    ("field", "value", "is_of_turn"),
    [
        ("epoch", 7, False),
        ("rating", "good", False),
        ("status", "approved", True),
        ("turn_id", 7, True),
        ("status", "sleepy", False),
        ("approval", None, False),
        ("rating", "great", True),
        ("assignee_id", 4711, False),
    ],
)
async def test_there_are_no_other_fields_and_values(
    log: SqlLog, talk: Place, olga: Operator, field: str, value: object, is_of_turn: bool
) -> None:
    before = await reviewed(talk)
    with pytest.raises(ReviewError):
        await change(
            log, olga, Change(talk.chat.dialogue_id, field, value, await talk.turn("ONE") if is_of_turn else None)
        )
    assert await reviewed(talk) == before


async def test_a_note_tells_the_other_operators_and_is_undone(log: SqlLog, talk: Place, olga: Operator) -> None:
    async with log.writing() as writing:
        batch = await writing.add_note(olga, talk.chat.dialogue_id, "calls every day")

    (note,) = (await reviewed(talk)).notes
    assert (note.operator, note.text) == ("Olga", "calls every day")
    # What is noted may be about a person: the audit log has it not.
    assert "calls" not in repr(await deeds(log))
    await undo(log, olga, batch)
    assert (await reviewed(talk)).notes == ()


async def test_nobody_notes_anything_about_what_is_gone(log: SqlLog, olga: Operator) -> None:
    with pytest.raises(ReviewError, match="gone"):
        async with log.writing() as writing:
            await writing.add_note(olga, "gone", "hm")


async def test_changes_and_notes_are_told_to_open_pages(log: SqlLog, talk: Place, olga: Operator, clock: Clock) -> None:
    id, turn_id = talk.chat.dialogue_id, await talk.turn("ONE")
    for each in (Change(id, "approval", "approved"), Change(id, "rating", "good", turn_id)):
        clock.now += 1
        await change(log, olga, each)
        assert (await reviewed(talk)).touched_at == clock.now
    clock.now += 1
    async with log.writing() as writing:
        batch = await writing.add_note(olga, id, "hm")
    assert (await reviewed(talk)).touched_at == clock.now
    clock.now += 1
    await undo(log, olga, batch)
    assert (await reviewed(talk)).touched_at == clock.now


async def test_deeds_are_read_page_by_page(log: SqlLog, olga: Operator) -> None:
    async with log.writing() as writing:
        for number in range(5):
            await writing.note_action(olga, f"deed {number}")

    async with log.reviewing() as reading:
        first = await reading.deeds(limit=2)
        second = await reading.deeds(before=first[-1].id, limit=2)
        third = await reading.deeds(before=second[-1].id, limit=2)
    assert [each.action for each in (*first, *second, *third)] == [f"deed {number}" for number in (4, 3, 2, 1, 0)]


async def test_whoever_writes_again_wakes_what_was_put_off_or_closed(log: SqlLog, talk: Place, olga: Operator) -> None:
    id = talk.chat.dialogue_id
    for status in (DialogueStatus.SNOOZED, DialogueStatus.RESOLVED):
        batch = await change(log, olga, Change(id, "status", status), Change(id, "snoozed_until", 9e9))
        await talk.record(a_reply(await talk.say("two"), text="TWO"))

        row = (await reviewed(talk)).row
        assert (row.status, row.snoozed_until) == (DialogueStatus.PENDING, None)
        with pytest.raises(Overtaken):
            await undo(log, olga, batch)


async def test_a_reply_alone_wakes_nothing(log: SqlLog, place: Place, olga: Operator) -> None:
    asked = await place.say("one")
    await change(log, olga, Change(place.chat.dialogue_id, "status", "resolved"))

    await place.record(a_reply(asked, text="ONE"))

    assert (await reviewed(place)).row.status is DialogueStatus.RESOLVED


async def test_of_whom_was_forgotten_the_audit_log_has_the_deeds_without_the_words(log: SqlLog, olga: Operator) -> None:
    anna = await open_place(log, "17", person_id="17")
    group = await open_place(log, "-5", ChatKind.GROUP, "17")
    boris = await open_place(log, "-5", ChatKind.GROUP, "18", "Борис")
    for place in (anna, group, boris):
        await place.exchange("her words", "an answer")
        turn_id = int((await place.shown())[-1].turn_id)
        await change(log, olga, Change(place.chat.dialogue_id, "correction", "her words, better", turn_id))
        await change(log, olga, Change(place.chat.dialogue_id, "labels", ["angry"]))
        async with log.writing() as writing:
            await writing.add_note(olga, place.chat.dialogue_id, "she is angry")
    done = await deeds(log)

    async with log.writing() as writing:
        await writing.forget("telegram", "17")

    left = await deeds(log)
    assert [(each.id, each.operator, each.action, each.dialogue_id) for each in left] == [
        (each.id, each.operator, each.action, each.dialogue_id) for each in done
    ]
    assert {(each.before is None, each.after is None) for each in left} == {(True, True)}
    async with log.reviewing() as reading:
        assert await reading.dialogue(anna.chat.dialogue_id) is None
        assert (await reading.facets())["labels"] == ["angry"]  # Of the group, which goes on without her.
    in_group = await reviewed(boris)
    assert in_group.notes == ()
    assert [(each.text, each.verdict.correction) for each in in_group.turns] == [
        ("her words", ""),
        ("an answer", "her words, better"),
    ]
    for batch in await batches(log):
        with pytest.raises(ReviewError):
            await undo(log, olga, batch)
