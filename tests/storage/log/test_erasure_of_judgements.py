"""What operators and people thought of a dialogue, when one of its people wants to be forgotten."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import func, select

from dialogue.turns import Ask, Outcome
from storage.log import tables
from storage.log.review.changes import Change
from storage.log.scrubbing import scrub
from storage.log.sql import transaction
from storage.log.sql_log import SqlLog, sql_log
from storage.operators import Operator
from storage.records import ChatKind
from storage.reviewed import InboxFilter, InboxRow
from tests.storage.conftest import Clock
from tests.storage.log.empty import empty_log
from tests.storage.log.places import Place, a_reply, an_operator, open_place

# Long enough to fill pages of their own.
SECRETS = [f"secret{number:03d}" * 40 for number in range(40)]


async def judge(place: Place, operator: Operator, words: str) -> None:
    """Say something about the last turn and its dialogue in every way there is."""
    id, turn_id = place.chat.dialogue_id, int((await place.shown())[-1].turn_id)
    async with place.log.writing() as writing:
        await writing.change(
            operator,
            [
                Change(id, "labels", [words]),
                Change(id, "correction", words, turn_id),
                Change(id, "note", words, turn_id),
                Change(id, "reasons", [words], turn_id),
                Change(id, "labels", [words], turn_id),
            ],
        )
        await writing.add_note(operator, id, words)
        assert await writing.thumb(place.chat, place.person, turn_id, False, "button")


async def row_of(place: Place) -> InboxRow:
    async with place.log.reviewing() as reading:
        found = await reading.dialogue(place.chat.dialogue_id)
    assert found is not None
    return found.row


async def forget(log: SqlLog, external_id: str) -> None:
    async with log.writing() as writing:
        await writing.forget("telegram", external_id)


async def test_verdicts_notes_labels_and_thumbs_go_with_the_dialogue(log: SqlLog, place: Place) -> None:
    await place.exchange("one", "ONE")
    await judge(place, await an_operator(log), "words")
    judged = (tables.verdicts, tables.notes, tables.labels, tables.thumbs, tables.audit)

    await forget(log, "17")

    async with transaction(log._engines.reading) as connection:
        counts = [(await connection.execute(select(func.count()).select_from(table))).scalar_one() for table in judged]
    assert counts == [0, 0, 0, 0, 6]


async def test_the_file_holds_no_word_of_what_was_thought_of_a_person(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    async with sql_log(empty_log(path)) as log:
        olga = await an_operator(log)
        anna, boris = await open_place(log), await open_place(log, "18", person_id="18")
        for number, secret in enumerate(SECRETS):
            await anna.exchange(secret, "an answer")
            await judge(anna, olga, secret)
            await boris.exchange("in between", "yes")
            await judge(boris, olga, f"nothing special {number}")
        assert b"secret" in files(path)

        await forget(log, "17")
        assert await scrub(log._engines.writing)

        assert b"secret" not in files(path)
        async with log.reviewing() as reading:
            assert (await reading.inbox(InboxFilter(words=SECRETS[0]))).rows == ()
            assert len((await reading.inbox(InboxFilter(words="between"))).rows) == 1


def files(path: Path) -> bytes:
    return b"".join(each.read_bytes() for each in path.parent.glob(f"{path.name}*"))


async def test_a_group_is_counted_anew_without_the_person(log: SqlLog, clock: Clock) -> None:
    anna = await open_place(log, "-5", ChatKind.GROUP, "17", "Анна")
    boris = await open_place(log, "-5", ChatKind.GROUP, "18", "Борис")
    for place in (boris, anna):
        await place.exchange(f"from {place.person.name}", f"to {place.person.name}")
        await place.record(a_reply(await place.ask(Ask.RETRY), text=f"again to {place.person.name}"))
        async with log.writing() as writing:
            turn_id = int((await place.shown())[-1].turn_id)
            assert await writing.thumb(place.chat, place.person, turn_id, False, "reaction")
    await anna.record(a_reply(await anna.say("poison"), outcome=Outcome.EMPTY))
    before = await row_of(boris)
    clock.now += 1

    await forget(log, "17")

    after = await row_of(boris)
    assert (before.messages, after.messages) == (3, 1)
    assert (before.person, after.person) == ("Анна", "Борис")
    assert (before.last_text, after.last_text) == ("poison", "again to Борис")
    async with transaction(log._engines.reading) as connection:
        row = (await connection.execute(select(tables.dialogues))).one()
    assert (row.retries, row.failures, row.dislikes, row.touched_at) == (1, 0, 1, clock.now)


async def test_a_reworded_message_is_counted_once(log: SqlLog) -> None:
    anna = await open_place(log, "-5", ChatKind.GROUP, "17")
    boris = await open_place(log, "-5", ChatKind.GROUP, "18")
    await anna.exchange("hello", "hi")
    await boris.exchange("tow", "TOW?")
    await boris.reword("1", "two")

    await forget(log, "17")

    assert (await row_of(boris)).messages == 1


async def test_a_group_in_which_nobody_else_has_spoken_leaves_the_inbox(log: SqlLog) -> None:
    anna = await open_place(log, "-5", ChatKind.GROUP, "17")
    await anna.exchange("hello", "hi")

    await forget(log, "17")

    async with log.reviewing() as reading:
        assert (await reading.inbox(InboxFilter())).rows == ()


async def test_the_thumb_of_somebody_who_said_nothing_is_not_counted_any_more(log: SqlLog) -> None:
    anna = await open_place(log, "-5", ChatKind.GROUP, "17")
    boris = await open_place(log, "-5", ChatKind.GROUP, "18")
    await boris.exchange("one", "ONE")
    async with log.writing() as writing:
        assert await writing.thumb(anna.chat, anna.person, await boris.turn("ONE"), False, "reaction")
    epoch = boris.chat.epoch

    await forget(log, "17")

    async with transaction(log._engines.reading) as connection:
        row = (await connection.execute(select(tables.dialogues))).one()
    assert (row.dislikes, row.messages, row.epoch) == (0, 1, epoch)


async def test_what_was_proposed_to_an_operator_in_a_group_is_forgotten_too(log: SqlLog) -> None:
    olga = await an_operator(log)
    anna = await open_place(log, "-5", ChatKind.GROUP, "17")
    boris = await open_place(log, "-5", ChatKind.GROUP, "18")
    await boris.exchange("one", "ONE")
    asked = await anna.say("I am Anna")
    async with log.writing() as writing:
        await writing.claim(anna.chat.dialogue_id, olga.id)
        draft = await writing.record_draft(anna.chat.dialogue_id, a_reply(asked, text="Hello Anna!").reply)
        await writing.operator_says(anna.chat.dialogue_id, olga.id, "Hello Anna, by hand", draft)

    await forget(log, "17")

    async with log.reviewing() as reading:
        found = await reading.dialogue(boris.chat.dialogue_id)
    assert found is not None
    assert [turn.text for turn in found.turns] == ["one", "ONE"]
    async with transaction(log._engines.reading) as connection:
        drawn = (await connection.execute(select(tables.generations.c.text))).scalars().all()
    assert drawn == ["raw ONE"]
