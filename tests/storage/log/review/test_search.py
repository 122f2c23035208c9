"""Words looked for in what was said: in all their forms, in both languages, whatever is typed."""

from __future__ import annotations

from typing import Any

import pytest

from dialogue.errors import ReviewError
from dialogue.turns import Ask
from storage.log.sql_log import SqlLog
from storage.reviewed import InboxFilter, InboxPage, Order
from tests.storage.log.places import Place, a_reply, an_operator, open_place


async def search(log: SqlLog, words: str, after: str = "", **wanted: Any) -> InboxPage:
    async with log.reviewing() as reading:
        return await reading.inbox(InboxFilter(words=words, **wanted), after)


async def found(log: SqlLog, words: str, **wanted: Any) -> list[str]:
    """Return whose chats were found."""
    return [row.person_id for row in (await search(log, words, **wanted)).rows]


async def talk(log: SqlLog, number: int, *exchanges: tuple[str, str]) -> Place:
    place = await open_place(log, str(number), person_id=str(number))
    for said, answer in exchanges:
        await place.exchange(said, answer)
    return place


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("интернета", "Пропал интернет"),
        ("интернет", "без Интернета никак"),
        ("connections", "a bad Connection here"),
        ("connection", "all CONNECTIONS are down"),
        ("happy", "they are happy"),
        ("happiness", "happiness"),
        ("skies", "the sky is blue"),
        ("hoping", "I hoped so"),
        ("роутер перезагрузить", "перезагрузили мой роутер"),
        ("елка", "Ёлка горит"),
        ("Ёлки", "елка горит"),
        ("ещё", "нет ещё ничего"),
        ("счёт", "где мои счета?"),
        ("её", "я её вижу"),
        ("café", "in the CAFÉ"),
        ("Größe", "eine GRÖSSE, die größe"),
        ("straße", "in der Straße"),
        ("482913", "договор 482913."),
        ("3.14", "about 3.14 or so"),
        ("example.com", "see example.com now"),
        ("a@b.ru", "write to a@b.ru please"),
        ("wi-fi", "the wi-fi is slow"),
        ("foo_bar", "call foo_bar now"),
    ],
)
async def test_a_word_is_found_in_all_its_forms(log: SqlLog, words: str, text: str) -> None:
    await talk(log, 1, ("nothing of the kind", "ничего такого"))
    await talk(log, 2, (text, "aha"))

    assert await found(log, words) == ["2"]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("кот", "который час"),
        ("happy", "it happened"),
        ("её", "если бы"),
        ("net", "a network"),
        ("роутер", "маршрут"),
        ("роутер телефон", "только роутер"),
        ('"красная лампочка"', "лампочка красная"),
        ('"красная лампочка"', "красная большая лампочка"),
        ('"не работает"', "работает"),
        ('"does not work"', "it does work"),
        ("дом*", "домашний"),
    ],
)
async def test_what_only_looks_alike_is_not_found(log: SqlLog, words: str, text: str) -> None:
    await talk(log, 1, (text, "aha"))

    assert await found(log, words) == []


async def test_words_in_quotes_stand_next_to_each_other(log: SqlLog) -> None:
    await talk(log, 1, ("Горит красная лампочка", "aha"))
    await talk(log, 2, ("лампочка не красная", "aha"))

    assert await found(log, '"красная лампочка"') == ["1"]
    assert await found(log, "красная лампочка") == ["2", "1"]
    assert await found(log, 'горит "красная лампочка"') == ["1"]


async def test_all_words_are_in_one_turn(log: SqlLog) -> None:
    await talk(log, 1, ("роутер", "телефон"))

    assert await found(log, "роутер телефон") == []
    assert await found(log, "роутер") == await found(log, "телефон") == ["1"]


async def test_what_was_found_is_marked(log: SqlLog) -> None:
    await talk(log, 1, ("Красный роутер <b>горит</b>, а красная лампочка — нет. Роутеры!", "aha"))

    (row,) = (await search(log, 'роутер "красная лампочка"')).rows

    assert row.hit is not None
    assert row.hit.pieces == (
        "Красный ",
        "роутер",
        " <b>горит</b>, а ",
        "красная",
        " ",
        "лампочка",
        " — нет. ",
        "Роутеры",
        "!",
    )
    assert row.hit.turn_id == int((await (await open_place(log, "1", person_id="1")).shown())[0].turn_id)


async def test_of_a_long_text_the_surroundings_are_shown(log: SqlLog) -> None:
    await talk(log, 1, ("слово " * 300 + "роутер" + " слово" * 300 + " роутер", "aha"))

    (row,) = (await search(log, "роутер")).rows

    assert row.hit is not None
    before, hit, after = row.hit.pieces
    assert before.startswith("…слово ")
    assert hit == "роутер"
    assert after.endswith(" слово…")
    assert len("".join(row.hit.pieces)) < 250


HOSTILE = [
    *('"', '""', "'", "''", "\\", "*", "a*", "-", "--", "NOT", "AND OR", "NEAR(a b)", "text:hello", "turn_words:a"),
    *("(", ")", "a)", "{a b}: c", "^a", "a + b", "a\x00b", "\x00", "\ud83d", "a\ud83db", "👍", "!?…", " ", "\t\n"),
    *(
        '"a',
        'a"b',
        '"a" "',
        "a & b | !c",
        "a <-> b",
        ":*",
        "a:*",
        "%",
        "_",
        "$1",
        ":words",
        "x" * 5000,
        " ".join(map(str, range(3000))),
    ),
    *("\u202e", "\u0301", "\u0130", "\u1e9e", "ß", "a\u0301", "\U0010ffff", "\ue0f0a\ue0f1", "1e999", "select 1; drop"),
    " ".join(map(str, range(3000))),
]


@pytest.mark.parametrize("words", HOSTILE)
async def test_whatever_is_typed_is_only_words(log: SqlLog, words: str) -> None:
    await talk(log, 1, ("hello", "aha"))

    assert await found(log, words) in ([], ["1"]) if not words.strip() else await found(log, words) == []


async def test_what_has_no_words_finds_nothing_and_no_words_everything(log: SqlLog) -> None:
    await talk(log, 1, ("👍 !", "aha"))

    assert await found(log, "👍") == []
    assert await found(log, " ") == ["1"]


@pytest.mark.parametrize(
    "text", ["при\x00вет мир", "привет\ud83d мир", "\ud83dпривет мир", "\x10мир\x10\x10", "мир 👍\u202e"]
)
async def test_texts_that_no_database_takes_are_found_and_come_back_as_they_were(log: SqlLog, text: str) -> None:
    await talk(log, 1, (text, "aha"))

    for words in ("мир", text, f'"{text}"'):
        (row,) = (await search(log, words)).rows
        assert row.hit is not None
        assert "".join(row.hit.pieces) == text


async def test_what_was_dropped_or_replaced_is_found_too(log: SqlLog, place: Place) -> None:
    await place.exchange("первый вопрос", "ответ")
    await place.record(a_reply(await place.ask(Ask.RETRY), text="другой"))
    await place.reword("1", "второе")

    for words in ("вопросы", "ответы", "другие", "второй"):
        assert await found(log, words) == ["17"]


async def test_what_was_reworded_is_found_by_its_new_words_in_its_place(log: SqlLog, place: Place) -> None:
    asked = await place.exchange("tow", "?")
    await place.reword("1", "two")

    (row,) = (await search(log, "two")).rows
    assert row.hit is not None
    assert str(row.hit.turn_id) == asked.message_id
    (row,) = (await search(log, "tow")).rows
    assert row.hit is not None
    assert str(row.hit.turn_id) != asked.message_id


async def test_nothing_is_found_of_whom_was_forgotten(log: SqlLog) -> None:
    await talk(log, 1, ("роутер горит", "ваш роутер"))
    await talk(log, 2, ("роутер тоже", "aha"))
    async with log.writing() as writing:
        await writing.forget("telegram", "1")

    assert await found(log, "роутер") == ["2"]
    assert await found(log, "горит") == []


async def test_a_greeting_alone_is_not_found(log: SqlLog) -> None:
    for number in (1, 2):
        place = await open_place(log, str(number), person_id=str(number))
        async with log.writing() as writing:
            await writing.greet(place.chat, "Welcome")
    await place.exchange("hello", "aha")

    assert await found(log, "welcome") == ["2"]


async def test_each_dialogue_is_found_once_with_its_newest_hit(log: SqlLog) -> None:
    first = await talk(log, 1, ("роутер", "роутера"), ("роутеру", "aha"))
    await talk(log, 2, ("роутер", "aha"))
    await first.say("роутеры")

    rows = (await search(log, "роутер")).rows

    assert [row.person_id for row in rows] == ["1", "2"]
    assert rows[0].hit is not None
    assert rows[0].hit.pieces == ("", "роутеры", "")


async def test_words_and_filters_go_together(log: SqlLog) -> None:
    olga = await an_operator(log)
    for number in (1, 2, 3):
        place = await talk(log, number, ("роутер", "aha"))
        if number == 2:
            async with log.writing() as writing:
                await writing.claim(place.chat.dialogue_id, olga.id)

    assert await found(log, "роутер", assignee_id=olga.id) == ["2"]
    assert await found(log, "роутер", assignee_id=0) == ["3", "1"]
    assert await found(log, "телефон", assignee_id=olga.id) == []


@pytest.mark.parametrize(("order", "expected"), [("newest", "987654321"), ("oldest", "123456789")])
@pytest.mark.parametrize("wanted", [{}, {"seed": "small-talk"}])
async def test_pages_have_no_gaps_and_no_repeats_while_people_talk(
    log: SqlLog, order: str, expected: str, wanted: dict[str, Any]
) -> None:
    places = [await talk(log, number, ("роутер", "роутер")) for number in range(1, 10)]
    for place in places:
        await place.say("ещё роутер")
    seen = ""
    after = ""
    wish = InboxFilter(words="роутер", order=Order(order), **wanted)
    for page in range(9):
        async with log.reviewing() as reading:
            shown = await reading.inbox(wish, after, limit=2)
        seen += "".join(row.person_id for row in shown.rows if row.person_id.isdigit() and int(row.person_id) < 10)
        after = shown.next
        if not after:
            break
        # Somebody new, somebody who was shown and somebody who is still to be shown.
        await talk(log, 100 + page, ("роутер", "aha"))
        await places[page % 9].say("и снова роутер")

    assert seen == expected


@pytest.mark.parametrize("after", ["x", "1", "~", "1~x", "1~-2", "1~" + "9" * 30, "1.5~2", "²~1"])
async def test_what_is_no_bookmark_is_refused(log: SqlLog, after: str) -> None:
    with pytest.raises(ReviewError):
        await search(log, "роутер", after)
