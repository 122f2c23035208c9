"""A database of the first version that is in use already, brought up to date."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

import storage.log
from storage.log.migrate import migrate
from storage.log.sql import sql_engines, transaction, use_write_ahead_log
from storage.log.sql_log import sql_log
from storage.records import ChatKind
from storage.reviewed import InboxFilter
from tests.storage.log.places import a_reply

# A message that was reworded, a reply that was retried, a failure and two late replies; and a greeting alone.
ROWS = """
INSERT INTO people VALUES (1, 'telegram', '17', 'Анна', 'ru', 1.0);
INSERT INTO chats VALUES (1, 'telegram', '17', 'private', 'ru', '{}', true, 1.0);
INSERT INTO chats VALUES (2, 'telegram', '18', 'private', 'ru', '{}', true, 1.0);
INSERT INTO dialogues VALUES ('a', 1, 'small-talk', 3, 10.0, NULL);
INSERT INTO dialogues VALUES ('b', 2, 'small-talk', 0, 20.0, NULL);
INSERT INTO replies VALUES ('r1', 'a', 'say', 'answered', false, 12.0);
INSERT INTO replies VALUES ('r2', 'a', 'retry', 'answered', false, 13.0);
INSERT INTO replies VALUES ('r3', 'a', 'say', 'empty', false, 15.0);
INSERT INTO replies VALUES ('r4', 'a', 'retry', 'answered', true, 16.0);
INSERT INTO replies VALUES ('r5', 'a', 'say', 'empty', true, 17.0);
INSERT INTO replies VALUES ('r6', 'b', 'say', 'answered', false, 21.0);
INSERT INTO turns VALUES
    (5, 'a', 'User1', 'person', 1, 'Анна', 'say', 'нет интренета', '1', 'answered', 1, 1, NULL, NULL, 11.0, 11.5);
INSERT INTO turns VALUES
    (1, 'a', 'User1', 'person', 1, 'Анна', 'say', 'Нет ещё интернета', '1', 'answered', 1, 2, 5, NULL, 11.0, NULL);
INSERT INTO turns VALUES
    (2, 'a', 'User2', 'model', NULL, '', 'say', 'Проверьте роутер', '', 'answered', 2, 1, NULL, 'r1', 12.0, 13.0);
INSERT INTO turns VALUES
    (3, 'a', 'User1', 'person', 1, 'Анна', 'retry', '', '', 'answered', NULL, 1, NULL, NULL, 12.5, NULL);
INSERT INTO turns VALUES
    (4, 'a', 'User2', 'model', NULL, '', 'say', 'Позвоните мастеру', '', 'answered', 2, 2, 2, 'r2', 13.0, NULL);
INSERT INTO turns VALUES
    (6, 'a', 'User1', 'person', 1, 'Анна', 'say', 'Алло?', '2', 'failed', 3, 1, NULL, NULL, 14.0, NULL);
INSERT INTO turns VALUES
    (7, 'a', 'User2', 'model', NULL, '', 'say', 'Слишком поздно', '', 'answered', NULL, 1, NULL, 'r4', 16.0, 16.0);
INSERT INTO turns VALUES
    (8, 'b', 'User2', 'seed', NULL, '', 'say', 'Привет!', '', 'answered', 1, 1, NULL, 'r6', 21.0, NULL);
INSERT INTO answers VALUES ('r1', 5);
INSERT INTO answers VALUES ('r2', 1);
INSERT INTO answers VALUES ('r2', 3);
INSERT INTO answers VALUES ('r3', 6);
"""
GENERATION = (
    "INSERT INTO generations VALUES"
    " (:id, :reply, 1, 'small-talk', 's', 'p', :model, 'r', '{\"top_k\": 5}', 7, 'raw', 'tag', 1, 1, 1, 0.0, 0.1, 0.2)"
)


@pytest.fixture(params=["sqlite", "postgresql"])
def new_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database of each kind without any tables."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'log.db'}"
    else:
        server, name = request.getfixturevalue("postgres"), f"test_{secrets.token_hex(6)}"
        server.psql(f"CREATE DATABASE {name};")
        yield server.get_uri(name)
        server.psql(f"DROP DATABASE {name};")


@pytest.fixture
async def filled_url(new_url: str) -> str:
    """A database of the first version with something in it."""
    async with sql_engines(new_url) as engines:
        await use_write_ahead_log(engines.writing)
        async with transaction(engines.writing) as connection:
            await connection.run_sync(make_first_version)
            for statement in ROWS.strip().split(";\n"):
                await connection.execute(text(statement.removesuffix(";").replace(":", "\\:")))
            for id, reply, model in ((1, "r1", "zebra"), (2, "r2", "gemma"), (3, "r4", "late")):
                await connection.execute(
                    text(GENERATION.replace('": 5', '"\\: 5')), {"id": id, "reply": reply, "model": model}
                )
            if connection.dialect.name == "postgresql":
                for table in ("people", "chats", "turns", "generations"):
                    await connection.execute(text(f"SELECT setval('{table}_id_seq', 100)"))
    return new_url


def make_first_version(connection: Connection) -> None:
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(next(iter(storage.log.__path__))) / "migrations"))
    config.set_main_option("path_separator", "os")
    command.upgrade(config, "0001")


async def test_the_inbox_knows_what_was_said_before_there_was_one(filled_url: str) -> None:
    await migrate(filled_url)

    async with sql_log(filled_url) as log:
        async with log.reviewing() as reading:
            (row,) = (await reading.inbox(InboxFilter())).rows
            found = await reading.dialogue("a")
        async with transaction(log._engines.reading) as connection:
            counts = (await connection.execute(text("SELECT retries, failures FROM dialogues ORDER BY id"))).all()
    assert (row.dialogue_id, row.messages, row.replies, row.to_review, row.model) == ("a", 2, 1, 1, "gemma")
    assert (row.last_text, row.last_at, row.flags) == ("Алло?", 14.0, ("retried", "failed"))
    assert (row.person, row.status, row.approval, row.labels, row.likelihood) == ("Анна", "pending", "", (), None)
    assert found is not None
    assert found.touched_at == 14.0
    assert [turn.text for turn in found.turns if turn.is_shown and turn.text] == [
        *("Нет ещё интернета", "Позвоните мастеру", "Алло?")
    ]
    assert [tuple(each) for each in counts] == [(1, 1), (0, 0)]


@pytest.mark.parametrize(
    ("words", "is_found"),
    [
        ("интернет", True),
        ("еще", True),
        ("роутеры", True),
        ("интренета", True),
        ("привет", False),
        ("модем", False),
    ],
)
async def test_what_was_said_before_is_found(filled_url: str, words: str, is_found: bool) -> None:
    await migrate(filled_url)

    async with sql_log(filled_url) as log, log.reviewing() as reading:
        rows = (await reading.inbox(InboxFilter(words=words))).rows
    assert [row.dialogue_id for row in rows] == (["a"] if is_found else [])


async def test_a_talk_goes_on_after_the_upgrade(filled_url: str) -> None:
    await migrate(filled_url)

    async with sql_log(filled_url) as log:
        async with log.writing() as writing:
            person = await writing.person("telegram", "17", "Анна", "ru")
            chat = await writing.chat("telegram", "17", ChatKind.PRIVATE, "small-talk", "ru")
            asked = await writing.say(chat, person, "Алло, роутер горит")
            await writing.record_reply(a_reply(asked, text="Иду!"))
        async with log.reviewing() as reading:
            (row,) = (await reading.inbox(InboxFilter(words="роутера горят"))).rows
        assert (row.messages, row.last_text) == (3, "Иду!")
        async with log.writing() as writing:
            await writing.forget("telegram", "17")
        async with log.reviewing() as reading:
            assert (await reading.inbox(InboxFilter(words="роутера"))).rows == ()
