from __future__ import annotations

import pytest

from dialogue.sentences import whole_sentences


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("Привет! Как де", "Привет!"),
        ("Ну что?.. Не зн", "Ну что?.."),
        ("Ура!!! Ты", "Ура!!!"),
        ("Да. Подождите… Я проверю ли", "Да. Подождите…"),
        ("ок. я проверю. подожд", "ок. я проверю."),
        ("Он сказал: «Привет!» А пот", "Он сказал: «Привет!»"),
        ("(Он ушёл.) Я", "(Он ушёл.)"),
        ('She said "Go." Then', 'She said "Go."'),
        ("She said “Go!” Then", "She said “Go!”"),
        ("I said 'go.' Then", "I said 'go.'"),
        ("[Done.] Then", "[Done.]"),
        ("So am I. And th", "So am I."),
        ("Это был я. И ещё", "Это был я."),
        ("No. I will", "No."),
    ],
)
def test_a_cut_reply_ends_with_its_last_whole_sentence(text: str, whole: str) -> None:
    assert whole_sentences(text) == whole


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("Отлично 😊 Давайте", "Отлично 😊"),
        ("Отлично! 😊 Давайте", "Отлично! 😊"),
        ("Готово :) Ещё", "Готово :)"),
        ("Спасибо)) Я", "Спасибо))"),
    ],
)
def test_a_smile_ends_a_sentence(text: str, whole: str) -> None:
    assert whole_sentences(text) == whole


@pytest.mark.parametrize(
    "text",
    [
        "Да. Стоит 3.5 руб",
        "Да. Сайт govorun.ru рабо",
        "Да. Живу на ул. Ленина, д. 5",
        "Да. Хлеб, т. е. бу",
        "Да. Хлеб и т. д. и ещё",
        "Да. А. С. Пушкин род",
        "Да. В 2020 г. было",
        "Ok. I saw Mr. Smith at 5 p.m. yesterday",
        "Ok. Use a tool, e.g. a ham",
        "Ok. Version 2.",
        "Ну! Он сказал: «Привет!» и уш",
    ],
)
def test_other_full_stops_do_not_end_a_sentence(text: str) -> None:
    first, _ = text.split(" ", 1)

    assert whole_sentences(text) == first


@pytest.mark.parametrize("text", ["Хлеб, молоко и т. д. Ещё", "Это было в 2020 г. Потом", "Всё за 500 руб. Жд"])
def test_an_abbreviation_ends_a_sentence_where_a_capital_letter_follows(text: str) -> None:
    assert whole_sentences(text) == text.rpartition(" ")[0]


def test_a_pause_is_no_end() -> None:
    assert whole_sentences("Ага! Подождите... я проверю ли") == "Ага!"


def test_the_lines_of_a_list_end_like_sentences_but_its_numbers_do_not() -> None:
    assert whole_sentences("Шаги:\n1. Выключите роутер\n2. Подожд") == "Шаги:\n1. Выключите роутер"
    assert whole_sentences("Готово! Шаги: 1. Выключ") == "Готово!"


@pytest.mark.parametrize("text", ["", "нет конца", "don’t stop", "one (two) thr"])
def test_a_text_without_a_whole_sentence_stays(text: str) -> None:
    assert whole_sentences(f" {text} ") == text


@pytest.mark.parametrize("text", ["Готово.", "Готово!\n\nДо свидания!", "«Да?»", "Great 👍🏽"])
def test_whole_sentences_stay_whole(text: str) -> None:
    assert whole_sentences(text) == text
