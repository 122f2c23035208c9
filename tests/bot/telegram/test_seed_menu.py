"""Choosing a seed in Telegram: group by group, and then its example with a press."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.conversation import Conversation
from bot.telegram.seed_menu import FRONT, seed_menu
from bot.texts import text
from dialogue.forms import Group
from dialogue.seeds import Seeds
from storage.live.inbox import RedisInbox
from storage.log.sql_log import SqlLog
from tests.bot.telegram.rig import Rig
from tests.fakes import SEED

GROUP = -100
TALK = replace(SEED, name="talk-en", title="Talk to me")
FILMS = replace(
    SEED,
    name="films-ru",
    language="ru",
    title="Фильмы",
    description="Советует фильм.",
    group=Group.RECOMMEND,
    greeting="Что вам нравится?",
    example="Матрица и Начало",
)
FILMS_EN = replace(FILMS, name="films-en", language="en", title="Films", greeting="", example="The Matrix")
BOOKS = replace(FILMS, name="books-ru", title="Книги", greeting="Какая книга?", example="")
SEEDS = Seeds([TALK, FILMS, FILMS_EN, BOOKS])


@pytest.fixture
def conversation(log: SqlLog, inbox: RedisInbox) -> Conversation:
    """The use cases with seeds of two groups and two languages."""
    return Conversation(log, inbox, SEEDS, [TALK.name])


def test_the_front_page_has_the_groups_that_there_are_and_marks_that_of_the_seed() -> None:
    page = seed_menu(SEEDS, FILMS.name, "en")[FRONT]
    assert page.words == "What shall we do?"
    assert page.buttons == ((("Talk", "seeds:talk"), ("✓ Recommendations", "seeds:recommend")),)


def test_a_group_shows_the_seeds_of_the_chats_language_and_the_way_to_the_others() -> None:
    pages = seed_menu(SEEDS, FILMS_EN.name, "ru")

    own = pages["seeds:recommend"]
    assert own.words.splitlines()[2:] == ["Книги — Советует фильм.", "Фильмы — Советует фильм."]
    assert own.buttons == (
        (("Книги", "seed:books-ru"),),
        (("Фильмы", "seed:films-ru"),),
        (("‹ Назад", FRONT), ("✓ По-английски ›", "seeds:recommend:1")),
    )
    others = pages["seeds:recommend:1"]
    assert others.buttons == ((("✓ Films", "seed:films-en"),), (("‹ Назад", "seeds:recommend"),))


def test_a_group_without_seeds_in_the_chats_language_shows_the_others_at_once() -> None:
    page = seed_menu(SEEDS, FILMS.name, "ru")["seeds:talk"]
    assert page.buttons == ((("Talk to me", "seed:talk-en"),), (("‹ Назад", FRONT),))


def test_seeds_of_a_single_group_are_the_front_page_and_many_have_several_pages() -> None:
    many = Seeds([replace(TALK, name=f"talk-{number:02}", description="d" * 200) for number in range(20)])

    pages = seed_menu(many, "talk-19", "en")

    assert [len(page.buttons) for page in pages.values()] == [8 + 1, 8 + 1, 4 + 1]
    assert [page.buttons[-1] for page in pages.values()] == [
        (("✓ More ›", "seeds:talk:1"),),
        (("‹ Back", FRONT), ("✓ More ›", "seeds:talk:2")),
        (("‹ Back", "seeds:talk:1"),),
    ]


async def test_pressing_a_group_turns_the_page_in_place(rig: Rig) -> None:
    rig.telegram.say("/seed")
    await rig.settle()
    shown = rig.telegram.sent(1)[0]
    assert shown.params["text"] == text("choose_group", "ru")
    for data in ("seeds:recommend", FRONT):
        rig.telegram.press(data)
        await rig.settle()
    assert len(rig.telegram.texts()) == 1
    assert words(rig) == ["", ""]
    group, front = (call.params for call in rig.telegram.calls if call.method == "editMessageText")
    assert group["message_id"] == front["message_id"] == shown.message_id
    assert "Фильмы — Советует фильм." in group["text"]
    assert (front["text"], front["reply_markup"]) == (shown.params["text"], shown.params["reply_markup"])


async def test_where_nothing_can_be_edited_the_page_comes_as_a_message_with_its_buttons(rig: Rig) -> None:
    rig.telegram.is_minimal = True
    rig.telegram.press("seeds:recommend")
    await rig.settle()
    [call] = rig.telegram.sent(1)
    assert "seed:films-ru" in str(call.params["reply_markup"])


async def test_a_page_that_is_gone_says_that_the_button_no_longer_works(rig: Rig) -> None:
    for data in ("seeds:dance", "seeds:recommend:9", "seeds:recommend:x"):
        rig.telegram.press(data)
    await rig.settle()
    assert words(rig) == [text("button_expired", "ru")] * 3


@pytest.mark.parametrize("begin", ["press", "say"])
async def test_the_example_below_the_greeting_is_said_with_a_press_and_only_once(rig: Rig, begin: str) -> None:
    await choose(rig, FILMS.name, begin)
    [greeting] = [call for call in rig.telegram.sent(1) if call.params.get("text") == FILMS.greeting]
    [label, data] = example(rig)
    assert label == "Пример: Матрица и Начало"

    rig.telegram.press(data)
    rig.telegram.press(data)
    await rig.settle()

    [asked] = await rig.waiting()
    assert (asked.text, asked.seed) == (FILMS.example, FILMS.name)
    assert await rig.announced() == [1]
    said = [call.params for call in rig.telegram.calls if call.params.get("text", "").endswith(f"💬 {FILMS.example}")]
    assert [(edit["message_id"], "reply_markup" in edit) for edit in said] == [(greeting.message_id, False)]
    await rig.answer_all("«Бегущий по лезвию»")
    rig.telegram.press(data, message_id=greeting.message_id)
    await rig.settle()
    assert [turn.text for turn in await rig.transcript()] == [FILMS.greeting, FILMS.example, "«Бегущий по лезвию»"]
    assert words(rig)[-2:] == [text("button_expired", "ru")] * 2


async def test_a_seed_that_does_not_greet_has_its_example_below_the_notice(rig: Rig) -> None:
    await choose(rig, FILMS_EN.name)
    assert rig.telegram.texts()[-1] == text("started_anew", "ru")
    rig.telegram.press(example(rig)[1])
    await rig.settle()
    assert [asked.text for asked in await rig.waiting()] == [FILMS_EN.example]


async def test_a_seed_without_an_example_has_no_button(rig: Rig) -> None:
    await choose(rig, BOOKS.name)
    [greeting] = [call for call in rig.telegram.sent(1) if call.params.get("text") == BOOKS.greeting]
    assert "reply_markup" not in greeting.params


async def test_the_example_of_a_dialogue_that_is_over_is_not_said(rig: Rig) -> None:
    await choose(rig, FILMS.name)
    _, old = example(rig)
    await choose(rig, FILMS.name)
    rig.telegram.press(old)
    await rig.settle()
    assert await rig.waiting() == []
    assert words(rig)[-1] == text("button_expired", "ru")


async def test_an_example_that_was_taken_back_is_not_said_again(rig: Rig) -> None:
    await choose(rig, FILMS.name)
    _, data = example(rig)
    rig.telegram.press(data)
    await rig.settle()
    rig.telegram.say("/undo")
    rig.telegram.press(data)
    await rig.settle()
    assert await rig.waiting() == []


async def test_an_example_is_refused_where_too_many_messages_wait(rig: Rig) -> None:
    await choose(rig, FILMS.name)
    rig.telegram.say_many([{"text": str(number)} for number in range(20)])
    rig.telegram.press(example(rig)[1])
    await rig.settle()
    assert words(rig)[-1] == text("too_many_waiting", "ru", limit=20)
    assert len(await rig.waiting()) == 20


async def test_in_a_group_the_answer_quotes_the_message_that_shows_the_example(rig: Rig) -> None:
    await choose(rig, FILMS.name, chat_id=GROUP)
    [greeting] = [call for call in rig.telegram.sent(GROUP) if call.params.get("text") == FILMS.greeting]
    rig.telegram.press(example(rig, GROUP)[1], chat_id=GROUP)
    await rig.settle()
    await rig.answer_all()
    reply = rig.telegram.sent(GROUP)[-1].params["reply_parameters"]
    assert reply["message_id"] == greeting.message_id


async def choose(rig: Rig, seed: str, by: str = "press", chat_id: int = 1) -> None:
    if by == "press":
        rig.telegram.press(f"seed:{seed}", chat_id=chat_id)
    else:
        rig.telegram.say(f"/seed {seed}", chat_id=chat_id)
    await rig.settle()


def example(rig: Rig, chat_id: int = 1) -> tuple[str, str]:
    """Return label and data of the button of the last message with one."""
    shown = [call.params["reply_markup"] for call in rig.telegram.sent(chat_id) if "reply_markup" in call.params]
    [[button]] = shown[-1]["inline_keyboard"]
    return button["text"], button["callback_data"]


def words(rig: Rig) -> list[str]:
    """Return what was answered to each press."""
    return [call.params.get("text", "") for call in rig.telegram.calls if call.method == "answerCallbackQuery"]
