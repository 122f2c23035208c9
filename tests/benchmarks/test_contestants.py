from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.contestants.asking import contestant
from benchmarks.contestants.transcript import SHARED, TRANSCRIPT, prompts

ECHOING = "tests.benchmarks.echoing_contestant"


def test_a_contestant_tells_its_facts_and_answers_one_question_after_the_other(tmp_path: Path) -> None:
    with contestant(ECHOING, log=tmp_path / "log") as asked:
        answers = [asked.ask(chats=1), asked.ask(chats=4, draw=2)]

    assert asked.facts == {"version": "7"}
    assert answers == [{"chats": 1}, {"chats": 4, "draw": 2}]


def test_what_the_libraries_of_a_contestant_print_goes_to_its_log(tmp_path: Path) -> None:
    log = tmp_path / "log"

    with contestant(ECHOING, log=log) as asked:
        asked.ask()

    assert "loading a library that says so\n" in log.read_text()


def test_of_a_contestant_that_dies_one_reads_why(tmp_path: Path) -> None:
    with (
        contestant(ECHOING, log=tmp_path / "log") as asked,
        pytest.raises(RuntimeError, match="no memory is left"),
    ):
        asked.ask(fatal=True)


def test_every_chat_continues_the_same_transcript_with_a_last_message_of_its_own() -> None:
    texts = prompts(3)

    assert len(TRANSCRIPT.splitlines()) == 9
    assert SHARED.splitlines() == TRANSCRIPT.splitlines()[:-2]
    assert [text.removeprefix(SHARED) for text in texts] == [
        "\nUser1: Договор 0, адрес улица 0.\nUser2:",
        "\nUser1: Договор 1, адрес улица 7.\nUser2:",
        "\nUser1: Договор 2, адрес улица 14.\nUser2:",
    ]
