"""Demonstrations: the files are read as transcripts, and whatever is wrong with them is said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dialogue.demonstrations import load_demonstrations
from dialogue.errors import SeedError
from dialogue.seeds import load_seeds
from dialogue.turns import Dialogue, Speaker, Turn
from tests.fakes import SEED as BASE

SEED = replace(BASE, name="support", greeting="Hello!")


def folder_with(tmp_path: Path, **files: str) -> Path:
    (tmp_path / "support").mkdir()
    for name, text in files.items():
        (tmp_path / "support" / f"{name}.txt").write_text(text, "utf-8")
    return tmp_path


def test_dialogues_are_read_file_by_file(tmp_path: Path) -> None:
    folder = folder_with(
        tmp_path,
        slow="User2: Hello!\nUser1: It is slow.\nUser1: Very.\nUser2: Since when?\n***\n",
        outage="User2: Hello!\nUser1: It is dead.\nUser2: I am sorry.\n***\nUser2: Hello!\nUser1: a\nUser2: b\n",
    )

    found = load_demonstrations(SEED, folder)

    assert [each.theme for each in found] == ["outage", "outage", "slow"]
    assert found[2].dialogue == Dialogue(
        (
            Turn(Speaker.BOT, "Hello!"),
            Turn(Speaker.PERSON, "It is slow."),
            Turn(Speaker.PERSON, "Very."),
            Turn(Speaker.BOT, "Since when?"),
        )
    )


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("User2: Hi!\nUser1: a\nUser2: b\n***\n", "bad.txt:1: it does not begin with the greeting 'Hello!'"),
        ("User2: Hello!\nUser1: a\nUser1: b\n***\n", "bad.txt:1: it must have words of both"),
        ("User2: Hello!\n***\n", "bad.txt:1: it must have words of both"),
        ("User2: Hello!\nUser1: a\nUser2: b\n***\nUser2: Hello!\nUser3: a\n***\n", "bad.txt:5: a line begins neither"),
        ("User2: Hello!\nUser1:\nUser2: b\n***\n", "bad.txt:1: a turn has no words"),
        ("User2: Hello!\nUser1: a\nUser2: b\n***\n" * 2, "bad.txt:5: the same dialogue as bad.txt:1"),
    ],
)
def test_what_is_wrong_is_said_with_file_and_line(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(SeedError) as refused:
        load_demonstrations(SEED, folder_with(tmp_path, bad=text))

    assert complaint in str(refused.value)


def test_a_seed_without_demonstrations_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SeedError, match="no demonstrations of the seed support"):
        load_demonstrations(SEED, tmp_path)


@pytest.mark.parametrize("name", ["isp-support-en", "isp-support-ru"])
def test_the_demonstrations_at_hand_are_in_order(name: str) -> None:
    found = load_demonstrations(load_seeds().get(name))

    assert len(found) >= 200
    for each in found:
        replies = [turn.text for turn in each.dialogue.turns if turn.speaker is Speaker.BOT]
        assert len(set(replies)) == len(replies), f"says something twice: {replies[1:3]}"
