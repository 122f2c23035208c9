from __future__ import annotations

import json

import pytest

from bot.texts import COMMANDS, help_text, text
from dialogue.turns import Ask
from storage.records import ChatKind
from tests.bot.telegram.rig import Rig
from tests.fakes import GREETING_SEED, SEED

GROUP = -100
PHOTO = [{"file_id": "1", "file_unique_id": "1", "width": 1, "height": 1}]


async def test_what_is_said_waits_for_an_answer(rig: Rig) -> None:
    rig.telegram.say("привет")
    rig.telegram.say("ты тут?")
    await rig.settle()
    assert [(asked.text, asked.ask) for asked in await rig.waiting()] == [("привет", Ask.SAY), ("ты тут?", Ask.SAY)]
    assert rig.telegram.texts() == []


@pytest.mark.parametrize("command", ["/start", "/new", "/reset"])
async def test_a_new_dialogue_begins_with_the_seeds_greeting(rig: Rig, command: str) -> None:
    rig.telegram.say("привет")
    rig.telegram.say(command)
    await rig.settle()
    assert rig.telegram.texts() == [GREETING_SEED.greeting]
    assert [turn.text for turn in await rig.transcript()] == [GREETING_SEED.greeting]
    assert await rig.waiting() == []


async def test_a_dialogue_can_be_started_with_a_seed(rig: Rig) -> None:
    rig.telegram.say(f"/start {SEED.name}")
    rig.telegram.say("привет")
    await rig.settle()
    assert rig.telegram.texts() == [text("started_anew", "ru")]
    assert [asked.seed for asked in await rig.waiting()] == [SEED.name]


async def test_help_lists_the_commands_in_the_persons_language(rig: Rig) -> None:
    rig.telegram.say("/help", language="ru")
    rig.telegram.say("/help", chat_id=2, language="de")
    await rig.settle()
    assert rig.telegram.texts(1) == [help_text("ru")]
    assert rig.telegram.texts(2) == [help_text("en")]


async def test_retry_and_continue_wait_for_an_answer_too(rig: Rig) -> None:
    rig.telegram.say("привет")
    await rig.settle()
    await rig.answer_all()
    rig.telegram.say("/retry")
    await rig.settle()
    assert [asked.ask for asked in await rig.waiting()] == [Ask.RETRY]
    await rig.answer_all("Добрый день!")
    rig.telegram.say("/continue")
    await rig.settle()
    assert [asked.ask for asked in await rig.waiting()] == [Ask.CONTINUE]
    assert rig.telegram.texts() == ["Здравствуйте!", "Добрый день!"]


async def test_cancel_stops_what_waits(rig: Rig) -> None:
    rig.telegram.say("привет")
    rig.telegram.say("/cancel")
    await rig.settle()
    rig.telegram.say("/cancel")
    await rig.settle()
    assert await rig.waiting() == []
    assert rig.telegram.texts() == [text("cancelled", "ru"), text("nothing_to_cancel", "ru")]


async def test_undo_takes_the_last_exchange_back(rig: Rig) -> None:
    rig.telegram.say("привет")
    await rig.settle()
    await rig.answer_all()
    rig.telegram.say("/undo")
    rig.telegram.say("/undo")
    await rig.settle()
    assert await rig.transcript() == []
    assert rig.telegram.texts() == ["Здравствуйте!", text("undone", "ru"), text("nothing_to_undo", "ru")]


async def test_an_edited_last_message_is_answered_anew(rig: Rig) -> None:
    message = rig.telegram.say("превет")
    await rig.settle()
    await rig.answer_all()
    rig.telegram.edit(message, "привет")
    await rig.settle()
    assert [asked.text for asked in await rig.waiting()] == ["привет"]


async def test_an_edit_that_changes_no_word_announces_no_answer(rig: Rig) -> None:
    message = rig.telegram.say("https://example.org")
    await rig.settle()
    await rig.answer_all()
    rig.telegram.edit(message, "https://example.org")  # A preview was added to the link.
    await rig.settle()
    assert rig.telegram.texts() == ["Здравствуйте!"]
    assert await rig.announced() == []


async def test_an_edit_of_an_older_message_gets_a_sentence(rig: Rig) -> None:
    older = rig.telegram.say("раз")
    for words in ("", "два"):
        if words:
            rig.telegram.say(words)
        await rig.settle()
        await rig.answer_all()
    rig.telegram.edit(older, "раз!")
    await rig.settle()
    assert rig.telegram.texts()[-1] == text("edit_too_old", "ru")
    assert await rig.waiting() == []


async def test_the_seed_is_chosen_with_a_button(rig: Rig) -> None:
    rig.telegram.say("/seed")
    await rig.settle()
    buttons = rig.telegram.sent(1)[0].params["reply_markup"]["inline_keyboard"]
    assert [row[0]["text"] for row in buttons] == [f"✓ {GREETING_SEED.title}", SEED.title]
    rig.telegram.press(f"seed:{SEED.name}")
    await rig.settle()
    rig.telegram.say("привет")
    await rig.settle()
    assert [asked.seed for asked in await rig.waiting()] == [SEED.name]
    methods = [call.method for call in rig.telegram.calls]
    assert "answerCallbackQuery" in methods
    edited = next(call for call in rig.telegram.calls if call.method == "editMessageText")
    assert SEED.title in edited.params["text"]


async def test_a_setting_is_chosen_with_a_button_and_marked(rig: Rig) -> None:
    rig.telegram.say("/settings")
    await rig.settle()
    rig.telegram.press("set:temperature:lively")
    await rig.settle()
    rig.telegram.say("привет")
    await rig.settle()
    assert (await rig.waiting())[0].settings == {"temperature": "lively"}
    edited = next(call for call in rig.telegram.calls if call.method == "editMessageText")
    labels = [button["text"] for button in edited.params["reply_markup"]["inline_keyboard"][0]]
    assert labels == ["спокойно", "обычно", "✓ живее"]


async def test_the_language_of_the_bot_can_be_chosen(rig: Rig) -> None:
    rig.telegram.say("/settings language en")
    rig.telegram.say("/cancel")
    await rig.settle()
    assert rig.telegram.texts()[-1] == text("nothing_to_cancel", "en")


async def test_a_button_of_long_ago_says_that_it_no_longer_works(rig: Rig) -> None:
    for data in ("seed:gone", "set:colour:red", "what:is:this", "set:temperature"):
        rig.telegram.press(data)
    await rig.settle()
    answers = [call.params["text"] for call in rig.telegram.calls if call.method == "answerCallbackQuery"]
    assert answers == [text("button_expired", "ru")] * 4


async def test_a_button_is_answered_with_a_message_where_nothing_can_be_edited(rig: Rig) -> None:
    rig.telegram.is_minimal = True
    rig.telegram.press("set:length:short")
    await rig.settle()
    assert rig.telegram.texts() == ["Длина ответов: короче."]


async def test_forgetting_asks_first_and_then_erases_everything(rig: Rig) -> None:
    rig.telegram.say("моя тайна")
    await rig.settle()
    await rig.answer_all("твоя тайна")
    rig.telegram.say("/forget")
    await rig.settle()
    rig.telegram.press("forget:1:no")
    await rig.settle()
    assert "тайна" in str(await rig.log.everything_about("telegram", "1"))
    rig.telegram.press("forget:1:yes")
    await rig.settle()
    assert await rig.log.everything_about("telegram", "1") == {}
    edited = [call.params["text"] for call in rig.telegram.calls if call.method == "editMessageText"]
    assert edited == [text("kept", "ru"), text("forgotten", "ru")]


async def test_one_can_forget_without_buttons(rig: Rig) -> None:
    rig.telegram.say("моя тайна")
    rig.telegram.say("/forget да")
    await rig.settle()
    assert rig.telegram.texts() == [text("forgotten", "ru")]
    assert await rig.log.everything_about("telegram", "1") == {}


async def test_nobody_can_erase_somebody_else(rig: Rig) -> None:
    rig.telegram.say("@govorun_bot привет", chat_id=GROUP, person_id=7, entities=_mention())
    await rig.settle()
    rig.telegram.press("forget:7:yes", chat_id=GROUP)
    await rig.settle()
    assert "привет" in str(await rig.log.everything_about("telegram", "7"))
    answers = [call.params["text"] for call in rig.telegram.calls if call.method == "answerCallbackQuery"]
    assert answers == [text("button_of_another", "ru")]


async def test_people_get_everything_that_is_kept_of_them_as_a_file(rig: Rig) -> None:
    rig.telegram.say("привет")
    rig.telegram.say("/mydata")
    await rig.settle()
    document = next(call for call in rig.telegram.calls if call.method == "sendDocument").params["document"]
    assert document["file"] == "mydata.json"
    assert "привет" in str(json.loads(document["content"]))


async def test_an_unknown_command_gets_a_sentence_in_private_and_silence_in_a_group(rig: Rig) -> None:
    rig.telegram.say("/dance")
    rig.telegram.say("/dance", chat_id=GROUP)
    await rig.settle()
    assert rig.telegram.texts(1) == [text("unknown_command", "ru")]
    assert rig.telegram.texts(GROUP) == []


async def test_a_message_without_words_gets_a_sentence_and_an_album_only_one(rig: Rig) -> None:
    rig.telegram.say(
        "",
        sticker={
            "file_id": "1",
            "file_unique_id": "1",
            "type": "regular",
            "width": 1,
            "height": 1,
            "is_animated": False,
            "is_video": False,
        },
    )
    for _ in range(3):
        rig.telegram.say("", chat_id=2, photo=PHOTO, media_group_id="9")
    await rig.settle()
    assert rig.telegram.texts(1) == rig.telegram.texts(2) == [text("text_only", "ru")]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("х" * 201, text("message_too_long", "ru", length=201, limit=200)),
        (" \u2003\n", text("message_empty", "ru")),
    ],
)
async def test_a_message_that_is_not_taken_gets_a_sentence(rig: Rig, words: str, sentence: str) -> None:
    rig.telegram.say(words)
    await rig.settle()
    assert rig.telegram.texts() == [sentence]
    assert await rig.waiting() == []


async def test_who_sends_far_too_much_is_told_once(rig: Rig) -> None:
    rig.telegram.say_many([{"text": str(number)} for number in range(30)])
    await rig.settle()
    assert rig.telegram.texts() == [text("too_many_waiting", "ru", limit=20)]
    assert [asked.text for asked in await rig.waiting()] == [str(number) for number in range(20)]


async def test_in_a_group_the_speakers_name_is_kept_and_the_answer_quotes(rig: Rig) -> None:
    message = rig.telegram.say("@govorun_bot привет", chat_id=GROUP, person_id=7, name="Борис", entities=_mention())
    rig.telegram.say("между собой", chat_id=GROUP, person_id=8, name="Вера")
    await rig.settle()
    assert [(turn.name, turn.text) for turn in await rig.transcript(GROUP)] == [("Борис", "привет")]
    await rig.answer_all()
    assert rig.telegram.sent(GROUP)[0].params["reply_parameters"]["message_id"] == message["message_id"]


async def test_who_blocks_the_bot_is_inactive_until_they_come_back(rig: Rig) -> None:
    async def is_active() -> bool:
        async with rig.conversation.session() as session:
            visit = await session.enter("telegram", "1", ChatKind.PRIVATE, "1", "Анна", "ru")
        return visit.chat.is_active

    rig.telegram.set_member(1, "kicked")
    await rig.settle()
    assert not await is_active()
    rig.telegram.set_member(1, "member")
    await rig.settle()
    assert await is_active()
    rig.telegram.set_member(1, "kicked")
    rig.telegram.say("привет")
    await rig.settle()
    assert await is_active()


async def test_a_group_that_moves_keeps_its_dialogue(rig: Rig) -> None:
    rig.telegram.say("@govorun_bot привет", chat_id=-5, entities=_mention())
    rig.telegram.say("", chat_id=-5, migrate_to_chat_id=-1005)
    await rig.settle()
    assert [turn.text for turn in await rig.transcript(-1005)] == ["привет"]


def test_every_command_is_tried_here() -> None:
    tried = {"start", "new", "help", "retry", "continue", "undo", "cancel", "seed", "settings", "forget", "mydata"}
    assert set(COMMANDS) - tried == {"privacy", "human"}


async def test_privacy_says_how_to_get_and_erase_what_is_kept(rig: Rig) -> None:
    rig.telegram.say("/privacy")
    await rig.settle()
    [words] = rig.telegram.texts()
    assert "/mydata" in words
    assert "/forget" in words


def _mention() -> list[dict[str, object]]:
    return [{"type": "mention", "offset": 0, "length": len("@govorun_bot")}]
