"""What identifies people, replaced: found however it is written, always by the same placeholder."""

from __future__ import annotations

import pytest

from storage.export.privacy.identifiers import is_snils
from storage.export.privacy.placeholders import Placeholders
from storage.export.wanted import Format, Handling
from tests.storage.export.studio import Studio
from tests.storage.log.places import open_place


def masked(text: str, *names: str, language: str = "ru", before: str = "") -> str:
    placeholders = Placeholders(language)
    for name in names:
        placeholders.meet(name)
    return placeholders.text(text, before)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("звоните +7 (912) 345-67-89", "звоните [PHONE_1]"),
        ("8 912 345 67 89, или 89123456789", "[PHONE_1], или [PHONE_1]"),
        ("+44 20 7946 0958 вечером", "[PHONE_1] вечером"),
        ("мой номер 9123456789", "мой номер [PHONE_1]"),
        ("домашний 123-45-67", "домашний [PHONE_1]"),
        ("карта 4111 1111 1111 1111.", "карта [CARD_1]."),
        ("карта 4111-1111-1111-1111", "карта [CARD_1]"),
        ("ИНН 7707083893", "ИНН [INN_1]"),
        ("инн: 500100732259", "инн: [INN_1]"),
        ("СНИЛС 112-233-445 95", "СНИЛС [SNILS_1]"),
        ("снилс номер 11223344595", "снилс номер [SNILS_1]"),
        ("пишите на Anna.P+isp@mail.example.ru!", "пишите на [EMAIL_1]!"),
        ("я @anna_petrova в телеграме", "я [ACCOUNT_1] в телеграме"),
        ("договор № 40215", "договор № [CONTRACT_1]"),
        ("номер договора 40215, повторяю 40215", "номер договора [CONTRACT_1], повторяю [CONTRACT_1]"),
        ("лицевой счёт 00123", "лицевой счёт [CONTRACT_1]"),
        ("паспорт 4510 123456", "паспорт [NUMBER_1]"),
        ("живу на ул. Ленина, д. 5, кв. 12", "живу на [ADDRESS_1]"),
        ("улица Карла Маркса 10 корп. 2 квартира 7", "[ADDRESS_1]"),
        ("проспект Мира, дом 101а", "[ADDRESS_1]"),
        ("кв. 12", "[ADDRESS_1]"),
    ],
)
def test_what_belongs_to_one_person_is_replaced(text: str, left: str) -> None:
    assert masked(text) == left


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("call (415) 555-2671", "call [PHONE_1]"),
        ("contract number 40215", "contract number [CONTRACT_1]"),
        ("I live at 221B Baker Street, apt 4", "I live at [ADDRESS_1]"),
    ],
)
def test_english_has_its_own_forms(text: str, left: str) -> None:
    assert masked(text, language="en") == left


@pytest.mark.parametrize(
    "text",
    [
        "тариф 500 рублей, скорость 100 мбит",
        "100 000 рублей",
        "в 2024 году, 12.05.2024 в 18:30",
        "адрес роутера 192.168.0.1, порт 8080",
        "ошибка 651, улица тихая",
        "карта 4111 руб",
    ],
)
def test_prices_dates_and_machines_stay(text: str) -> None:
    assert masked(text) == text


def test_an_answer_to_the_question_for_a_contract_is_one() -> None:
    assert masked("40215", before="Назовите номер договора, пожалуйста.") == "[CONTRACT_1]"
    assert masked("40215", before="Сколько лампочек?") == "40215"


@pytest.mark.parametrize(("digits", "is_valid"), [("11223344595", True), ("11223344594", False), ("1122334459", False)])
def test_the_number_of_an_insurance_account_has_a_checksum(digits: str, is_valid: bool) -> None:
    assert is_snils(digits) is is_valid


@pytest.mark.parametrize("text", ["Анна, добрый день", "Передам Анне", "спросите анну", "с Анной"])
def test_a_name_is_found_in_all_its_forms(text: str) -> None:
    replaced = masked(text, "Анна Петрова")

    assert "[NAME_1]" in replaced
    assert "нн" not in replaced


def test_a_whole_name_is_one_person_and_another_name_another() -> None:
    assert masked("Анна Петрова и Павел", "Анна Петрова", "Павел") == "[NAME_1] и [NAME_2]"


def test_words_that_only_contain_a_name_stay() -> None:
    assert masked("романтика и марка", "Роман", "Мар") == "романтика и марка"


@pytest.mark.parametrize("text", ["1" * 50_000, "a" * 50_000, "a." * 25_000 + "@", "1-" * 25_000, "ул. " * 12_000])
def test_a_long_word_takes_no_time_that_grows_with_its_square(text: str) -> None:
    # It would take minutes.
    assert len(masked(text, "Анна")) <= len(text)


async def test_people_are_called_the_same_all_through_a_dialogue(studio: Studio) -> None:
    place = await studio.place()
    await studio.exchange(place, "нет связи", "Как вас зовут?")
    await studio.exchange(place, "лаура", "Лаура, назовите номер договора.")
    await studio.exchange(place, "40215", "Спасибо, Лаура! Договор 40215. Телефон?")
    await studio.exchange(place, "8 912 345-67-89", "Перезвоним на +79123456789.")
    turn = await studio.exchange(place, "меня зовут Пётр Ильич Савин", "Здравствуйте, Пётр!")
    await studio.judge(place, turn, correction="Пётр Ильич, перезвоним на 89123456789.")
    await studio.approve(place)

    rows = await studio.rows(Format.PROMPT_COMPLETION)

    assert [row["completion"] for row in rows] == [
        " Как вас зовут?",
        " [NAME_1], назовите номер договора.",
        " Спасибо, [NAME_1]! Договор [CONTRACT_1]. Телефон?",
        " Перезвоним на [PHONE_1].",
        " [NAME_2], перезвоним на [PHONE_1].",
    ]
    assert "\nUser1: [NAME_1]\n" in rows[-1]["prompt"]


@pytest.mark.parametrize("format", list(Format))
async def test_no_canary_is_in_any_export_unless_it_is_asked_for(studio: Studio, format: Format) -> None:
    canaries = ["9123456789", "4111111111111111", "canary@mail.example", "Канарейкин", "777888", "Фонарная", "Жанна"]
    # An account says nothing of who introduces themselves by another name.
    place = await open_place(studio.log, name="Жанна")
    said = "Меня зовут Иван Канарейкин, договор 777888, 8 (912) 345-67-89, 4111 1111 1111 1111, canary@mail.example"
    answer = "Иван Канарейкин, Фонарная улица? canary@mail.example, 9123456789, 4111111111111111, 777888"
    wrong = await studio.exchange(
        place, said + ", ул. Фонарная, д. 5", answer.replace("Фонарная улица", "ул. Фонарная 5")
    )
    await studio.thumb(place, wrong, False)
    await studio.judge(place, wrong, correction="Иван Канарейкин, 777888, canary@mail.example, ул. Фонарная 5")
    await studio.approve(place)
    name = "out.csv" if format is Format.CSV else "out.jsonl"

    exported = await studio.export(format, name)
    clean = b"".join(path.read_bytes() for path in studio.folder.iterdir()).decode()
    await studio.export(format, name, personal_data=Handling.KEEP)
    kept = (studio.folder / name).read_text("utf-8")

    assert exported.facts["files"][0]["rows"]
    assert [each for each in canaries if each in clean] == []
    assert "777888" in kept
