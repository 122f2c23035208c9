"""The sentences of the page: all of them in both languages, and none missing where it is used."""

from __future__ import annotations

import re
from importlib import resources
from string import Formatter

import pytest

from bot.web.texts import TEXTS
from dialogue.turns import Outcome

WEB = resources.files("bot.web")


def mentioned(sentence: str) -> set[str | None]:
    return {name for _, name, _, _ in Formatter().parse(sentence)} - {None}


def test_both_languages_say_the_same() -> None:
    assert TEXTS["ru"].keys() == TEXTS["en"].keys()
    for name, sentence in TEXTS["ru"].items():
        assert mentioned(sentence) == mentioned(TEXTS["en"][name]), name


@pytest.mark.parametrize("file", ["chat.js", "turns.js"])
def test_every_sentence_that_a_script_shows_exists(file: str) -> None:
    script = (WEB / "static" / file).read_text("utf-8")

    assert set(re.findall(r"\btexts\.(\w+)", script)) <= TEXTS["en"].keys()


def test_every_sentence_of_a_refusal_exists() -> None:
    sources = "".join(path.read_text("utf-8") for path in WEB.iterdir() if path.name.endswith(".py"))

    assert set(re.findall(r'Refusal\(\s*\d+, "(\w+)"', sources)) <= TEXTS["en"].keys()


def test_there_is_a_sentence_for_every_reason_not_to_reply() -> None:
    assert {outcome.value for outcome in Outcome} - {"answered"} <= TEXTS["en"].keys()
