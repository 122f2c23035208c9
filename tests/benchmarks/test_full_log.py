from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Iterator
from random import Random

import pytest

from benchmarks.bulk import fill
from benchmarks.full_log import DAYS, FullLog
from benchmarks.review_desk import employ
from benchmarks.support_talk import Talk

MANY, LENGTH, NOW = 300, 10, 1_700_000_000.0


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    """A database with some hundred dialogues, only to be read."""
    path = tmp_path_factory.mktemp("full") / "log.db"
    operators = asyncio.run(employ(f"sqlite:///{path}"))
    asyncio.run(fill(f"sqlite:///{path}", FullLog(MANY, LENGTH, NOW, operators).batches()))
    database = sqlite3.connect(path)
    yield database
    database.close()


def test_dialogues_have_as_many_turns_as_wanted_and_lie_in_the_last_months(filled: sqlite3.Connection) -> None:
    in_transcripts = Counter(
        filled.execute("SELECT dialogue_id FROM turns WHERE dropped_at IS NULL AND position IS NOT NULL").fetchall()
    )
    first, last = filled.execute("SELECT min(created_at), max(created_at) FROM turns").fetchone()

    assert len(in_transcripts) == MANY
    assert Counter(in_transcripts.values()).most_common(1)[0][0] == LENGTH
    assert NOW - DAYS * 24 * 3600 < first < NOW - (DAYS - 2) * 24 * 3600
    assert NOW - 24 * 3600 < last < NOW + 60


def test_what_the_inbox_knows_of_a_dialogue_is_what_its_turns_and_replies_say(filled: sqlite3.Connection) -> None:
    said = "FROM turns WHERE dialogue_id = dialogues.id AND ask = 'say'"
    known = {
        "messages": f"(SELECT count(*) {said} AND speaker = 'User1')",
        "retries": f"(SELECT count(*) {said} AND speaker = 'User2' AND version > 1)",
        "last_turn_id": f"(SELECT max(id) {said} AND dropped_at IS NULL)",
        "last_at": f"(SELECT created_at {said} AND dropped_at IS NULL ORDER BY id DESC LIMIT 1)",
        "failures": "(SELECT count(*) FROM replies WHERE dialogue_id = dialogues.id AND outcome != 'answered')",
        "dislikes": f"(SELECT count(*) FROM thumbs WHERE NOT is_up AND turn_id IN (SELECT id {said}))",
        "likelihood": "(SELECT min(likelihood) FROM generations JOIN replies ON replies.id = reply_id"
        " WHERE dialogue_id = dialogues.id)",
        "model": "(SELECT DISTINCT generations.model FROM generations JOIN replies ON replies.id = reply_id"
        " WHERE dialogue_id = dialogues.id)",
    }

    wrong = {
        column: filled.execute(f"SELECT count(*) FROM dialogues WHERE {column} IS NOT {truth}").fetchone()[0]
        for column, truth in known.items()
    }

    assert wrong == dict.fromkeys(known, 0)


def test_rows_refer_to_rows_that_are_there_and_there_are_some_of_each(filled: sqlite3.Connection) -> None:
    tables = ("labels", "notes", "verdicts", "thumbs", "audit", "outbox_parts", "answers", "generations")

    assert filled.execute("PRAGMA foreign_key_check").fetchall() == []
    assert all(filled.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables)


def test_the_words_can_be_searched(filled: sqlite3.Connection) -> None:
    found = filled.execute("SELECT count(*) FROM turn_words WHERE turn_words MATCH 'интернет'").fetchone()[0]

    assert MANY * LENGTH / 10 < found < MANY * LENGTH


@pytest.mark.parametrize("language", ["ru", "en"])
def test_a_word_is_as_frequent_as_its_rank_says(language: str) -> None:
    talk = Talk(language, Random(1))
    said = Counter(" ".join(talk.says(10, 10) for _ in range(20_000)).lower().replace(".", "").split())

    assert len(set(talk.words)) == len(talk.words) > 500
    for rank in (2, 8):
        assert said[talk.words[0]] / said[talk.words[rank - 1]] == pytest.approx(rank, rel=0.1)
    assert 0 < said[talk.words[-1]] < 100
