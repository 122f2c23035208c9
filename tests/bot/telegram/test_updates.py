from __future__ import annotations

from typing import Any

import pytest
from telegram import Update, User

from bot.telegram.updates import (
    Admitted,
    Commanded,
    Inquired,
    Moved,
    Pressed,
    Reacted,
    Reworded,
    Said,
    Wish,
    Wordless,
    chat_and_topic,
    wish,
)
from storage.records import ChatKind
from tests.telegram_server import FakeTelegram

ME = User(4242, "Govorun", True, username="Govorun_Bot")
PRIVATE, GROUP = 7, -100


def units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def mention(text: str, name: str = "@govorun_bot") -> dict[str, Any]:
    offset = units(text[: text.index(name)])
    return {"type": "mention", "offset": offset, "length": units(name)}


def asked(chat_id: int, kind: str = "message", sent_by: dict[str, Any] | None = None, **fields: Any) -> Wish | None:
    message = FakeTelegram().message(chat_id, 7, "Анна", "ru", **fields)
    message["from"] = sent_by or message["from"]
    return wish(Update.de_json({"update_id": 1, kind: message}), ME)


def test_every_text_in_a_private_chat_is_for_the_bot() -> None:
    said = asked(PRIVATE, text="привет")
    assert isinstance(said, Said)
    assert said.text == "привет"
    assert (said.sender.place, said.sender.kind, said.sender.person_id) == ("7", ChatKind.PRIVATE, "7")
    assert (said.sender.name, said.sender.language) == ("Анна", "ru")


def test_talk_of_others_in_a_group_is_none_of_the_bots_business() -> None:
    assert asked(GROUP, text="привет") is None
    assert asked(GROUP, text="привет @another_bot", entities=[mention("привет @another_bot", "@another_bot")]) is None
    assert asked(GROUP, sticker=None, photo=[{"file_id": "1", "file_unique_id": "1", "width": 1, "height": 1}]) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("@govorun_bot, привет", "привет"),
        ("@govorun_bot", ""),
        ("привет @govorun_bot", "привет"),
        ("скажи @govorun_bot что-нибудь", "скажи что-нибудь"),
        ("🙂👍🏽 @govorun_bot как дела?", "🙂👍🏽 как дела?"),
        ("привет, @govorun_bot!", "привет!"),
    ],
)
def test_a_mention_in_a_group_is_an_address_and_not_part_of_what_is_said(text: str, said: str) -> None:
    wished = asked(GROUP, text=text, entities=[mention(text)])
    assert isinstance(wished, Said)
    assert wished.text == said
    assert wished.sender.kind is ChatKind.GROUP


def test_the_mentioned_name_is_kept_in_a_private_chat() -> None:
    text = "@govorun_bot это ты?"
    wished = asked(PRIVATE, text=text, entities=[mention(text)])
    assert isinstance(wished, Said)
    assert wished.text == text


def test_a_reply_to_the_bot_in_a_group_is_for_the_bot() -> None:
    fake = FakeTelegram()
    bots = {**fake.message(GROUP, None, "x", "ru", text="да?"), "from": fake.me}
    others = fake.message(GROUP, 8, "Борис", "ru", text="да?")
    assert isinstance(asked(GROUP, text="нет", reply_to_message=bots), Said)
    assert asked(GROUP, text="нет", reply_to_message=others) is None


def test_a_message_in_a_topic_that_the_bot_opened_is_no_reply_to_it() -> None:
    fake = FakeTelegram()
    opened = {**fake.message(GROUP, None, "x", "ru"), "from": fake.me}
    opened["forum_topic_created"] = {"name": "t", "icon_color": 1}
    assert asked(GROUP, text="нет", reply_to_message=opened, is_topic_message=True, message_thread_id=5) is None


def test_each_topic_of_a_forum_is_a_place_of_its_own() -> None:
    text = "@govorun_bot привет"
    wished = asked(GROUP, text=text, entities=[mention(text)], is_topic_message=True, message_thread_id=5)
    assert isinstance(wished, Said)
    assert wished.sender.place == "-100:5"
    assert chat_and_topic("-100:5") == (-100, 5)
    assert chat_and_topic("-100") == (-100, None)


@pytest.mark.parametrize(
    ("text", "name", "argument"),
    [
        ("/start", "start", ""),
        ("/SEED@govorun_bot  isp-ru ", "seed", "isp-ru"),
        ("/settings temperature\ncalm", "settings", "temperature\ncalm"),
    ],
)
def test_commands_are_understood_in_private_and_in_groups(text: str, name: str, argument: str) -> None:
    for chat_id in (PRIVATE, GROUP):
        wished = asked(chat_id, text=text)
        assert isinstance(wished, Commanded)
        assert (wished.name, wished.argument) == (name, argument)


def test_commands_for_other_bots_are_ignored() -> None:
    assert asked(GROUP, text="/start@another_bot") is None


def test_what_only_looks_like_a_command_is_a_text() -> None:
    for text in ("/", "/ start", "/usr/bin", "/привет", "см. /help"):
        assert isinstance(asked(PRIVATE, text=text), Said)


def test_the_caption_of_a_photo_is_read_and_a_photo_without_one_is_wordless() -> None:
    photo = [{"file_id": "1", "file_unique_id": "1", "width": 1, "height": 1}]
    captioned = asked(PRIVATE, photo=photo, caption="что это?")
    assert isinstance(captioned, Said)
    assert captioned.text == "что это?"
    wordless = asked(PRIVATE, photo=photo, media_group_id="5")
    assert isinstance(wordless, Wordless)
    assert wordless.album == "5"


def test_service_messages_and_other_bots_get_no_answer() -> None:
    assert asked(PRIVATE, message_auto_delete_timer_changed={"message_auto_delete_time": 1}) is None
    assert asked(PRIVATE, text="привет", sent_by=FakeTelegram().me) is None


def test_an_anonymous_administrator_is_the_group() -> None:
    text = "@govorun_bot привет"
    sender = {"id": GROUP, "type": "supergroup", "title": "Группа"}
    stand_in = {**FakeTelegram().me, "id": 1087968824}
    wished = asked(GROUP, text=text, entities=[mention(text)], sender_chat=sender, sent_by=stand_in)
    assert isinstance(wished, Said)
    assert (wished.sender.person_id, wished.sender.name) == ("-100", "Группа")


def test_an_edit_is_a_rewording_but_an_edited_command_is_a_command() -> None:
    reworded = asked(PRIVATE, kind="edited_message", text="привет!", edit_date=1)
    assert isinstance(reworded, Reworded)
    assert reworded.text == "привет!"
    assert isinstance(asked(PRIVATE, kind="edited_message", text="/new", edit_date=1), Commanded)
    location = {"latitude": 1.0, "longitude": 1.0, "live_period": 60}
    assert asked(PRIVATE, kind="edited_message", location=location, edit_date=1) is None
    assert asked(GROUP, kind="edited_message", text="привет!", edit_date=1) is None


def test_blocking_and_unblocking_are_understood() -> None:
    fake = FakeTelegram()
    for status, is_active in (("kicked", False), ("member", True), ("left", False)):
        fake.set_member(PRIVATE, status)
        admitted = wish(Update.de_json(fake.pending()[-1]), ME)
        assert isinstance(admitted, Admitted)
        assert admitted.is_active is is_active


def test_an_inline_query_names_its_person_and_their_language() -> None:
    fake = FakeTelegram()
    query_id = fake.inquire("films Дюна", person_id=7, language="en")
    assert wish(Update.de_json(fake.pending()[-1]), ME) == Inquired("7", "en", query_id, "films Дюна")


def test_a_pressed_button_names_the_presser_and_the_message() -> None:
    fake = FakeTelegram()
    fake.press("seed:isp-ru", PRIVATE)
    pressed = wish(Update.de_json(fake.pending()[-1]), ME)
    assert isinstance(pressed, Pressed)
    assert (pressed.data, pressed.sender.person_id) == ("seed:isp-ru", "7")


@pytest.mark.parametrize(
    ("emoji", "before", "is_up"), [("👍", "", True), ("👎", "👍", False), ("", "👍", None), ("🤔", "👎", None)]
)
def test_a_reaction_says_what_its_person_thinks(emoji: str, before: str, is_up: bool | None) -> None:
    fake = FakeTelegram()
    fake.react(5, emoji, before, GROUP, person_id=7)
    reacted = wish(Update.de_json(fake.pending()[-1]), ME)
    assert isinstance(reacted, Reacted)
    assert (reacted.sender.place, reacted.sender.person_id, reacted.message_id) == ("-100", "7", "5")
    assert reacted.is_up is is_up


def test_a_reaction_that_says_nothing_or_comes_from_nobody_is_none_of_the_bots_business() -> None:
    fake = FakeTelegram()
    fake.react(5, "🤔", "🐳")
    fake.react(5, "👍")
    fake.react(5, "👍")
    undecided, anonymous, bots = fake.pending()
    about = anonymous["message_reaction"]
    about["actor_chat"] = {"id": GROUP, "type": "supergroup", "title": "Группа"}
    del about["user"]
    bots["message_reaction"]["user"] = fake.me
    assert [wish(Update.de_json(each), ME) for each in (undecided, anonymous, bots)] == [None] * 3


def test_a_group_that_becomes_a_supergroup_moves() -> None:
    assert asked(-5, migrate_to_chat_id=-1005) == Moved("-5", "-1005")
