from __future__ import annotations

from string import Formatter

import pytest

from bot.telegram.commands import COMMANDS as OBEYED
from bot.texts import COMMANDS, TEXTS, Sentence, help_text, refusal, text
from dialogue.choices import CHOICES
from dialogue.errors import MessageEmpty, MessageTooLong, NothingToRetry, TooManyWaiting, WithOperator
from dialogue.turns import Outcome


def placeholders(words: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(words) if name}


@pytest.mark.parametrize("key", TEXTS)
def test_a_sentence_is_there_in_both_languages_and_takes_the_same_values(key: str) -> None:
    sentence = TEXTS[key]
    assert sentence.ru.strip()
    assert sentence.en.strip()
    assert placeholders(sentence.ru) == placeholders(sentence.en)


def test_russian_is_spoken_to_russians_and_english_to_all_others() -> None:
    assert text("kept", "ru") == TEXTS["kept"].ru
    assert text("kept", "en") == text("kept", "de") == TEXTS["kept"].en


def test_values_are_put_in() -> None:
    assert "3000" in text("message_too_long", "en", length=3000, limit=2000)


def test_every_command_is_described_and_obeyed() -> None:
    for name in COMMANDS:
        assert f"/{name} — " in help_text("ru")
        assert name in OBEYED


def test_every_choice_and_every_outcome_has_its_words() -> None:
    for name, choices in CHOICES.items():
        assert {f"settings_{name}", *(f"settings_{name}_{choice}" for choice in choices)} <= TEXTS.keys()
    assert {f"outcome_{outcome.value}" for outcome in Outcome} - TEXTS.keys() == {"outcome_answered"}


def test_every_refusal_has_a_sentence_of_its_own() -> None:
    refused = [MessageEmpty(), MessageTooLong(3000, 2000), TooManyWaiting(20), WithOperator(), NothingToRetry()]
    assert len({refusal(error, "en") for error in refused}) == len(refused)
    assert "operator" in refusal(WithOperator(), "en")
    assert "operator" in refusal(NothingToRetry(), "en")


def test_no_sentence_is_too_long_for_one_message() -> None:
    assert all(
        isinstance(sentence, Sentence) and len(max(sentence.ru, sentence.en)) < 1000 for sentence in TEXTS.values()
    )
