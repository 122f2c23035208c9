"""Opening databases, sharing them, and telling trouble of the moment from lasting faults."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import make_url, text

from dialogue.errors import SettingsError, StorageError, StorageUnavailable
from storage.log import sql
from storage.log.sql import sql_engines, transaction
from storage.log.sql_log import SqlLog, sql_log
from tests.storage.log.places import Place, a_reply, open_place


@pytest.mark.parametrize("url", ["", "no url", "mysql://host/name", "sqlite://", "sqlite:///:memory:"])
async def test_a_url_of_another_kind_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="sqlite:///path"):
        async with sql_log(url):
            pass


async def test_a_refused_url_keeps_its_password() -> None:
    with pytest.raises(SettingsError) as refused:
        async with sql_log("mysql://govorun:hunter2@host/name"):
            pass

    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:////nowhere/at/all/log.db",
        "postgresql://govorun:hunter2@127.0.0.1:1/govorun",
        "postgres://govorun:hunter2@127.0.0.1:1/govorun?sslmode=disable",
        "postgresql://govorun:hunter2@/govorun?host=/nowhere/at/all",
    ],
)
async def test_a_database_out_of_reach_is_unavailable(url: str) -> None:
    with pytest.raises(StorageUnavailable) as unavailable:
        async with sql_log(url):
            pass

    assert "hunter2" not in str(unavailable.value)


async def test_a_missing_table_is_no_trouble_of_the_moment(database_url: str) -> None:
    async with sql_engines(database_url) as engines:
        async with transaction(engines.writing) as connection:
            await connection.execute(text("DROP TABLE outbox_parts"))
            await connection.execute(text("DROP TABLE outbox"))
        async with sql_log(database_url) as log:
            with pytest.raises(StorageError) as error:
                await log.unsent("telegram")

    assert not isinstance(error.value, StorageUnavailable)


async def test_an_error_in_a_transaction_undoes_it(log: SqlLog, place: Place) -> None:
    with pytest.raises(KeyError):
        async with log.writing() as writing:
            await writing.say(place.chat, place.person, "hello")
            raise KeyError("a bug")

    assert await place.texts() == []
    await place.say("again")
    assert await place.texts() == ["again"]


async def test_a_cancelled_transaction_undoes_itself_and_frees_the_database(log: SqlLog, place: Place) -> None:
    said = asyncio.Event()

    async def never_ends() -> None:
        async with log.writing() as writing:
            await writing.say(place.chat, place.person, "hello")
            said.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(never_ends())
    await said.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    await place.say("again")
    assert await place.texts() == ["again"]


async def test_texts_of_people_are_not_in_errors(log: SqlLog, place: Place) -> None:
    async with log.writing() as writing:
        await writing.forget("telegram", "17")

    with pytest.raises(StorageError) as error:
        async with log.writing() as writing:
            await writing.post(place.chat, "a secret")

    assert "a secret" not in str(error.value)


async def test_many_writers_do_not_get_in_each_others_way(database_url: str) -> None:
    async def talk(log: SqlLog, number: int) -> None:
        place = await open_place(log, str(number), person_id=str(number))
        for count in range(5):
            await place.exchange(f"{number}: {count}", f"{number}: reply {count}")

    async with sql_log(database_url) as one, sql_log(database_url) as two:
        async with asyncio.TaskGroup() as tasks:
            for number in range(8):
                tasks.create_task(talk(one if number % 2 else two, number))

        for number in range(8):
            place = await open_place(one, str(number), person_id=str(number))
            expected = [f"{number}: {word}{count}" for count in range(5) for word in ("", "reply ")]
            assert await place.history() == expected


async def test_many_writers_of_one_chat_keep_its_transcript_whole(database_url: str) -> None:
    async with sql_log(database_url) as one, sql_log(database_url) as two:
        logs = [one, two] * 4
        async with asyncio.TaskGroup() as tasks:
            opened = [tasks.create_task(open_place(log)) for log in logs]
        places = [task.result() for task in opened]
        assert len({(place.chat.id, place.chat.dialogue_id, place.person.id) for place in places}) == 1

        async with asyncio.TaskGroup() as tasks:
            said = [tasks.create_task(place.say(str(number))) for number, place in enumerate(places)]
        replies = [a_reply(task.result(), text=f"reply to {number}") for number, task in enumerate(said)]
        async with asyncio.TaskGroup() as tasks:
            for place, reply in zip(places, replies, strict=True):
                tasks.create_task(place.record(reply))

        history = await places[0].history()
        pairs = set(zip(history[::2], history[1::2], strict=True))
        assert pairs == {(str(number), f"reply to {number}") for number in range(8)}


@asynccontextmanager
async def locked(path: str) -> AsyncIterator[sqlite3.Connection]:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    yield connection
    connection.close()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_writer_waits_for_another_process_without_holding_the_loop(
    log: SqlLog, place: Place, database_url: str
) -> None:
    async with locked(make_url(database_url).database or "") as other:
        saying = asyncio.create_task(place.say("hello"))
        for _ in range(50):
            await asyncio.sleep(0)
        assert not saying.done()
        assert await place.texts() == []  # Readers do not wait.

        other.rollback()

        await saying
    assert await place.texts() == ["hello"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_database_that_stays_locked_is_unavailable(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql, "LOCK_TIMEOUT_S", 0.05)
    async with sql_log(database_url) as log:
        async with locked(make_url(database_url).database or ""):
            with pytest.raises(StorageUnavailable, match="locked"):
                await open_place(log)

        assert (await open_place(log)).chat.external_id == "17"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_writer_that_is_cancelled_while_it_waits_leaves_no_lock(
    log: SqlLog, place: Place, database_url: str
) -> None:
    async with locked(make_url(database_url).database or "") as other:
        saying = asyncio.create_task(place.say("hello"))
        for _ in range(50):
            await asyncio.sleep(0)
        saying.cancel()
        await asyncio.sleep(0)
        other.rollback()
        with pytest.raises(asyncio.CancelledError):
            await saying

    await place.say("again")
    assert await place.texts() == ["again"]


async def test_a_file_that_is_no_database_is_no_trouble_of_the_moment(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("no database at all " * 100)

    with pytest.raises(StorageError) as error:
        async with sql_log(f"sqlite:///{path}"):
            pass

    assert not isinstance(error.value, StorageUnavailable)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_commit_is_on_the_disk_before_it_is_confirmed(database_url: str) -> None:
    async with sql_engines(database_url) as engines, transaction(engines.writing) as connection:
        pragmas = {
            name: (await connection.exec_driver_sql(f"PRAGMA {name}")).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "secure_delete")
        }

    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "secure_delete": 1}
