"""A person who wants to be forgotten, and one who wants to know what is kept."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from sqlalchemy import select, text

from dialogue.turns import Ask
from storage.log import sql, tables
from storage.log.scrubbing import scrub
from storage.log.sql import sql_engines, transaction
from storage.log.sql_log import SqlLog, sql_log
from storage.log.writing import Writing
from storage.records import ChatKind, hashed_id
from tests.storage.log.empty import empty_log
from tests.storage.log.places import Place, a_reply, open_place

# Long enough to fill pages of their own.
SECRETS = [f"secret{number:03d}" * 40 for number in range(60)]


async def rows_of(log: SqlLog) -> dict[str, int]:
    """Return how many rows each table has."""
    async with transaction(log._engines.reading) as connection:
        return {
            table.name: (await connection.execute(text(f"SELECT count(*) FROM {table.name}"))).scalar_one()
            for table in tables.metadata.sorted_tables
        }


async def test_nothing_is_left_of_a_person(log: SqlLog, place: Place) -> None:
    async with log.writing() as writing:
        await writing.store_updates(1, [(7, '{"message": {"from": {"id": 17}, "text": "hello"}}')])
        await writing.greet(place.chat, "Welcome!")
    await place.exchange("one", "ONE")
    await place.record(a_reply(await place.ask(Ask.RETRY), text="UNO"))
    await place.reword("1", "eins")
    dialogues = [place.chat.dialogue_id]
    async with log.writing() as writing:
        place.chat = await writing.new_dialogue(place.chat)
        outgoing = await writing.post(place.chat, "notice")
        await writing.mark_sent(outgoing.id, 1, ["100"])
    dialogues.append(place.chat.dialogue_id)

    async with log.writing() as writing:
        forgotten = await writing.forget("telegram", "17")

    assert sorted(forgotten) == sorted(dialogues)
    left = await rows_of(log)
    assert left.pop("updates") == 1
    assert left.pop("forgotten") == 2
    assert set(await log.forgotten()) == {hashed_id(each) for each in dialogues}
    assert set(left.values()) == {0}
    assert await log.pending_updates(1) == []
    assert await log.everything_about("telegram", "17") == {}


async def test_a_person_whom_nobody_knows_is_forgotten_too(log: SqlLog, place: Place) -> None:
    await place.say("hello")

    async with log.writing() as writing:
        assert await writing.forget("telegram", "nobody") == []
        assert await writing.forget("web", "17") == []

    assert await place.texts() == ["hello"]


async def test_others_of_a_group_keep_what_they_said(log: SqlLog) -> None:
    anna = await open_place(log, "-5", ChatKind.GROUP, "17", "Анна")
    boris = await open_place(log, "-5", ChatKind.GROUP, "18", "Борис")
    await anna.exchange("from Anna", "to Anna")
    last = a_reply(await boris.say("from Boris"), text="to Boris")
    await boris.record(last)
    in_flight = await anna.say("more from Anna")
    waiting = await boris.say("more from Boris")

    async with log.writing() as writing:
        assert await writing.forget("telegram", "17") == [anna.chat.dialogue_id]
        chat = await writing.chat_by_id(boris.chat.id)

    assert await boris.texts() == ["from Boris", "to Boris", "more from Boris"]
    assert chat.last_reply == last.reply_id
    assert chat.epoch > boris.chat.epoch
    assert await anna.record(a_reply(in_flight, waiting, text="to both, too late")) is None
    assert "to both, too late" not in json.dumps(await log.everything_about("telegram", "18"))
    assert [(asked.message_id, asked.epoch) for asked in await log.waiting("telegram", 0)] == [
        (waiting.message_id, chat.epoch)
    ]


async def test_a_late_reply_to_somebody_forgotten_leaves_no_trace(log: SqlLog, place: Place) -> None:
    asked = await place.say("hello")
    async with log.writing() as writing:
        await writing.forget("telegram", "17")

    assert await place.record(a_reply(asked, text="too late")) is None
    left = await rows_of(log)
    assert left.pop("forgotten") == 1
    assert set(left.values()) == {0}


async def test_whoever_comes_back_begins_anew(log: SqlLog, place: Place) -> None:
    await place.exchange("one", "ONE")
    async with log.writing() as writing:
        await writing.forget("telegram", "17")

    again = await open_place(log)
    await again.exchange("two", "TWO")

    assert again.chat.id != place.chat.id
    assert again.person.id != place.person.id
    assert await again.texts() == ["two", "TWO"]


@pytest.fixture
async def secrets_in_a_file(tmp_path: Path) -> Path:
    """A file in which one person said secrets, and another one nothing special."""
    path = tmp_path / "log.db"
    async with sql_log(empty_log(path)) as log:
        anna = await open_place(log, name="secret-name")
        boris = await open_place(log, "18", person_id="18", name="Борис")
        for number, secret in enumerate(SECRETS):
            async with log.writing() as writing:
                await writing.store_updates(1, [(number, json.dumps({"message": {"text": secret}}))])
            async with log.writing() as writing:
                await writing.take_update(1, number)
            await anna.exchange(secret, f"You said {secret}")
            await boris.exchange("in between", "yes")
            if number % 10 == 0:
                await anna.undo()
    return path


async def test_the_file_holds_nothing_of_a_person_any_more(secrets_in_a_file: Path) -> None:
    assert b"secret" in _files(secrets_in_a_file)

    async with sql_log(f"sqlite:///{secrets_in_a_file}") as log:
        async with log.writing() as writing:
            await writing.forget("telegram", "17")
        assert await scrub(log._engines.writing)

        assert b"secret" not in _files(secrets_in_a_file)
        boris = await open_place(log, "18", person_id="18", name="Борис")
        assert len(await boris.texts()) == 2 * len(SECRETS)


async def test_the_file_is_clean_once_the_log_is_closed(secrets_in_a_file: Path) -> None:
    async with sql_log(f"sqlite:///{secrets_in_a_file}") as log, log.writing() as writing:
        await writing.forget("telegram", "17")

    assert b"secret" not in _files(secrets_in_a_file)


async def test_what_a_crash_left_in_the_file_is_scrubbed_by_the_next_process(secrets_in_a_file: Path) -> None:
    async with sql_engines(f"sqlite:///{secrets_in_a_file}") as engines, transaction(engines.writing) as connection:
        await Writing(connection, time.time).forget("telegram", "17")
    assert b"secret" in _files(secrets_in_a_file)

    async with sql_log(f"sqlite:///{secrets_in_a_file}") as log:
        assert await scrub(log._engines.writing)

    assert b"secret" not in _files(secrets_in_a_file)


async def test_a_reader_in_the_way_puts_the_scrubbing_off(
    secrets_in_a_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sql, "LOCK_TIMEOUT_S", 0.05)
    async with sql_log(f"sqlite:///{secrets_in_a_file}") as log:
        async with transaction(log._engines.reading) as connection:
            await connection.execute(select(tables.people))
            async with log.writing() as writing:
                await writing.forget("telegram", "17")
            assert not await scrub(log._engines.writing)

        assert await scrub(log._engines.writing)
        assert b"secret" not in _files(secrets_in_a_file)


def _files(path: Path) -> bytes:
    return b"".join(each.read_bytes() for each in path.parent.glob(f"{path.name}*"))


async def test_everything_about_a_person_is_ready_for_json(log: SqlLog) -> None:
    anna = await open_place(log, "-5", ChatKind.GROUP, "17", "Анна \ud83d")
    boris = await open_place(log, "-5", ChatKind.GROUP, "18", "Борис")
    await anna.exchange("from Anna", "to Anna")
    await boris.exchange("from Boris", "to Boris")

    everything = json.loads(json.dumps(await log.everything_about("telegram", "17")))

    assert everything["person"]["name"] == "Анна \ud83d"
    (dialogue,) = everything["dialogues"]
    assert (dialogue["chat"], dialogue["kind"], dialogue["seed"]) == ("-5", "group", "small-talk")
    assert [(turn["speaker"], turn["text"]) for turn in dialogue["turns"]] == [
        ("User1", "from Anna"),
        ("User2", "to Anna"),
    ]
    assert everything["generations"] == [{"model": "gemma", "text": "raw to Anna"}]


async def test_an_update_that_only_quotes_the_person_is_kept(log: SqlLog, place: Place) -> None:
    quoting = '{"message": {"from": {"id": 18}, "reply_to_message": {"from": {"id": 17}}}}'
    async with log.writing() as writing:
        await writing.store_updates(1, [(7, quoting), (8, '{"poll": {"id": "17"}}'), (9, '{"x": {"from": null}}')])

        await writing.forget("telegram", "17")

    assert [number for number, _ in await log.pending_updates(1)] == [7, 8, 9]
    async with transaction(log._engines.reading) as connection:
        assert (await connection.execute(select(tables.people))).all() == []
