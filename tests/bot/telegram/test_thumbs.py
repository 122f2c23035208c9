"""What people think of replies: the thumbs below them, and reactions."""

from __future__ import annotations

from typing import Any

import pytest

from bot.telegram.wishes import CHANNEL
from bot.texts import text
from storage.records import ChatKind
from tests.bot.telegram.rig import Rig
from tests.telegram_server import Call

GROUP = -100
TO_THE_BOT = [{"type": "mention", "offset": 0, "length": len("@govorun_bot")}]


class Rated:
    """A reply of the model, and what people think of it."""

    def __init__(self, rig: Rig, chat_id: int = 1) -> None:
        self.rig, self.chat_id = rig, chat_id
        self.turn_id = ""

    async def answer(self, words: str = "Здравствуйте!", **fields: Any) -> None:
        """Let the person say something and the model answer it."""
        self.rig.telegram.say("@govorun_bot привет", chat_id=self.chat_id, entities=TO_THE_BOT, **fields)
        await self.rig.settle()
        self.turn_id = (await self.rig.answer_all(words)).turn_id

    @property
    def message(self) -> Call:
        """The last message that was sent."""
        return [call for call in self.rig.telegram.sent(self.chat_id) if call.method == "sendMessage"][-1]

    async def press(self, data: str) -> None:
        self.rig.telegram.press(data, chat_id=self.chat_id)
        await self.rig.settle()

    async def react(self, emoji: str, before: str = "", person_id: int | None = None) -> None:
        self.rig.telegram.react(self.message.message_id, emoji, before, self.chat_id, person_id)
        await self.rig.settle()

    async def thumb(self, source: str, person_id: int | None = None) -> bool | None:
        """Return what the person said of the reply in one of the two ways."""
        async with self.rig.log.writing() as writing:
            person = await writing.person(CHANNEL, str(person_id or abs(self.chat_id)), "Анна", "ru")
            return await writing.thumb_of(person, int(self.turn_id), source)

    def keyboards(self) -> list[list[str]]:
        """Return the labels below the message as they were shown one after the other."""
        calls = [call for call in self.rig.telegram.sent(self.chat_id) if "reply_markup" in call.params]
        return [
            [key["text"] for row in call.params["reply_markup"]["inline_keyboard"] for key in row] for call in calls
        ]

    def words(self) -> list[str]:
        """Return what was shown on the screen for a moment."""
        return [call.params["text"] for call in self.rig.telegram.calls if call.method == "answerCallbackQuery"]


@pytest.fixture
async def rated(rig: Rig) -> Rated:
    """A reply in a private chat."""
    rated = Rated(rig)
    await rated.answer()
    return rated


async def test_a_reply_of_the_model_has_two_thumbs_below(rated: Rated) -> None:
    [row] = rated.message.params["reply_markup"]["inline_keyboard"]
    assert [(key["text"], key["callback_data"]) for key in row] == [
        ("👍", f"thumb:up:{rated.turn_id}"),
        ("👎", f"thumb:down:{rated.turn_id}"),
    ]


async def test_a_long_reply_has_them_below_its_last_part(rig: Rig) -> None:
    await Rated(rig).answer("слово " * 1500)
    assert ["reply_markup" in call.params for call in rig.telegram.sent(1)] == [False, False, True]


async def test_a_reply_that_was_left_unsent_has_them_too(rig: Rig) -> None:
    rig.telegram.say("привет")
    await rig.settle()
    await rig.record("Здравствуйте!")
    await rig.delivery.sweep(lambda: rig.log.unsent(CHANNEL))
    await rig.settle()
    assert Rated(rig).keyboards() == [["👍", "👎"]]


async def test_nothing_else_has_them(rig: Rig) -> None:
    operator = await rig.add_operator()
    rig.telegram.say("/start")
    rig.telegram.say("/help")
    await rig.settle()
    dialogue_id = await rig.take_over(operator)
    async with rig.conversation.session(rig.delivery.take) as session:
        await session.speak_for_bot(dialogue_id, operator.id, "Чем помочь?", None)
    await rig.settle()
    await Rated(rig, GROUP).answer()
    assert len(rig.telegram.texts(1)) == 4
    assert len(rig.telegram.texts(GROUP)) == 1
    assert not any("reply_markup" in call.params for call in rig.telegram.calls)


@pytest.mark.parametrize(("thumb", "is_up", "marked"), [("up", True, ["✓ 👍", "👎"]), ("down", False, ["👍", "✓ 👎"])])
async def test_a_pressed_thumb_is_kept_and_marked(rated: Rated, thumb: str, is_up: bool, marked: list[str]) -> None:
    await rated.press(f"thumb:{thumb}:{rated.turn_id}")
    assert await rated.thumb("button") is is_up
    assert rated.words() == [text(f"thumb_{thumb}_noted", "ru")]
    assert rated.keyboards()[1:] == [marked]
    edited = next(call for call in rated.rig.telegram.calls if call.method == "editMessageReplyMarkup")
    assert edited.params["message_id"] == rated.message.message_id
    assert "text" not in edited.params
    assert rated.rig.telegram.texts() == ["Здравствуйте!"]


async def test_the_other_thumb_takes_the_place_of_the_first(rated: Rated) -> None:
    await rated.press(f"thumb:up:{rated.turn_id}")
    await rated.press(f"thumb:down:{rated.turn_id}")
    assert await rated.thumb("button") is False
    assert rated.keyboards()[1:] == [["✓ 👍", "👎"], ["👍", "✓ 👎"]]


async def test_the_same_thumb_again_takes_it_back(rated: Rated) -> None:
    for _ in range(3):
        await rated.press(f"thumb:up:{rated.turn_id}")
    assert rated.words() == [text(f"thumb_{said}", "ru") for said in ("up_noted", "withdrawn", "up_noted")]
    assert rated.keyboards()[1:] == [["✓ 👍", "👎"], ["👍", "👎"], ["✓ 👍", "👎"]]
    assert await rated.thumb("button") is True


@pytest.mark.parametrize(
    "data",
    [
        "thumb:up:999",
        "thumb:up:",
        "thumb:up:-1",
        "thumb:up:²",
        "thumb:up:" + "9" * 40,
        "thumb:sideways:{turn}",
        "thumb:{turn}",
        "thumb:up:{said}",
    ],
)
async def test_a_thumb_for_what_is_no_reply_says_that_it_no_longer_works(rated: Rated, data: str) -> None:
    said = (await rated.rig.transcript())[0].turn_id
    await rated.press(data.format(turn=rated.turn_id, said=said))
    assert rated.words() == [text("button_expired", "ru")]
    assert await rated.thumb("button") is None
    assert len(rated.keyboards()) == 1


async def test_nobody_gives_a_thumb_in_a_chat_of_others(rated: Rated) -> None:
    rated.rig.telegram.press(f"thumb:up:{rated.turn_id}", chat_id=2)
    await rated.rig.settle()
    assert rated.words() == [text("button_expired", "ru")]
    assert await rated.thumb("button", person_id=2) is None


async def test_the_thumb_below_an_older_version_still_counts(rated: Rated) -> None:
    older = rated.turn_id
    rated.rig.telegram.say("/retry")
    await rated.rig.settle()
    await rated.rig.answer_all("Добрый день!")
    await rated.press(f"thumb:down:{older}")
    assert rated.words() == [text("thumb_down_noted", "ru")]
    assert await rated.thumb("button") is False


async def test_a_keyboard_that_shows_the_thumb_already_is_left_alone(
    rated: Rated, caplog: pytest.LogCaptureFixture
) -> None:
    refused = "Bad Request: message is not modified: specified new message content is exactly the same"
    rated.rig.telegram.fail("editMessageReplyMarkup", 400, refused)
    await rated.press(f"thumb:up:{rated.turn_id}")
    assert rated.words() == [text("thumb_up_noted", "ru")]
    assert rated.rig.telegram.texts() == ["Здравствуйте!"]
    assert not [record for record in caplog.records if record.levelname == "WARNING"]


async def test_a_server_that_can_edit_no_keyboard_takes_thumbs_all_the_same(
    rated: Rated, caplog: pytest.LogCaptureFixture
) -> None:
    rated.rig.telegram.lacks = {"editMessageReplyMarkup"}
    await rated.press(f"thumb:up:{rated.turn_id}")
    assert await rated.thumb("button") is True
    assert rated.words() == [text("thumb_up_noted", "ru")]
    assert rated.rig.telegram.texts() == ["Здравствуйте!"]
    assert not [record for record in caplog.records if record.levelname == "WARNING"]


async def test_where_no_word_can_be_shown_it_is_said(rated: Rated) -> None:
    rated.rig.telegram.is_minimal = True
    await rated.press(f"thumb:up:{rated.turn_id}")
    assert rated.rig.telegram.texts() == ["Здравствуйте!", text("thumb_up_noted", "ru")]


@pytest.mark.parametrize(("emoji", "is_up"), [("👍", True), ("❤", True), ("👎", False), ("💩", False), ("🤔", None)])
async def test_a_reaction_counts_as_a_thumb(rated: Rated, emoji: str, is_up: bool | None) -> None:
    await rated.react(emoji)
    assert await rated.thumb("reaction") is is_up
    assert len(rated.rig.telegram.sent(1)) == 1


async def test_a_reaction_can_be_changed_and_taken_back(rated: Rated) -> None:
    await rated.react("👍")
    await rated.react("👎", before="👍")
    assert await rated.thumb("reaction") is False
    await rated.react("", before="👎")
    assert await rated.thumb("reaction") is None


async def test_the_last_word_counts_whether_button_or_reaction(rated: Rated) -> None:
    await rated.react("👍")
    await rated.press(f"thumb:down:{rated.turn_id}")
    assert (await rated.thumb("reaction"), await rated.thumb("button")) == (None, False)
    await rated.react("", before="👍")
    assert (await rated.thumb("reaction"), await rated.thumb("button")) == (None, False)
    await rated.react("🔥")
    assert (await rated.thumb("reaction"), await rated.thumb("button")) == (True, None)


async def test_a_thumb_after_a_reaction_of_the_same_kind_takes_nothing_back(rated: Rated) -> None:
    await rated.react("👍")
    await rated.press(f"thumb:up:{rated.turn_id}")
    assert await rated.thumb("button") is True
    assert rated.words() == [text("thumb_up_noted", "ru")]


async def test_a_reaction_to_any_part_of_a_reply_counts(rig: Rig) -> None:
    rated = Rated(rig)
    await rated.answer("слово " * 1500)
    rig.telegram.react(rig.telegram.sent(1)[0].message_id, "👍")
    await rig.settle()
    assert await rated.thumb("reaction") is True


async def test_in_a_group_everybody_has_a_reaction_of_their_own(rig: Rig) -> None:
    rated = Rated(rig, GROUP)
    await rated.answer(person_id=7)
    await rated.react("👍", person_id=7)
    await rated.react("👎", person_id=8)
    assert await rated.thumb("reaction", person_id=7) is True
    assert await rated.thumb("reaction", person_id=8) is False


async def test_a_reaction_in_a_forum_finds_its_topic(rig: Rig) -> None:
    rated = Rated(rig, GROUP)
    await rated.answer(person_id=7, is_topic_message=True, message_thread_id=5)
    await rated.react("👍", person_id=7)
    assert await rated.thumb("reaction", person_id=7) is True


async def test_a_message_of_the_same_number_in_another_chat_is_another_message(rated: Rated) -> None:
    other = Rated(rated.rig, GROUP * 10)  # Whose id begins with that of the group.
    await other.answer(person_id=7)
    rated.rig.telegram.react(other.message.message_id, "👍", chat_id=GROUP, person_id=7)
    rated.rig.telegram.react(other.message.message_id, "👍", chat_id=1)
    await rated.rig.settle()
    assert await other.thumb("reaction", person_id=7) is None
    assert await other.thumb("reaction", person_id=1) is None


async def test_who_reacts_to_something_else_leaves_no_trace(rated: Rated) -> None:
    rig = rated.rig
    rig.telegram.say("/help")
    rig.telegram.say("/start")
    await rig.settle()
    notice, greeting = rig.telegram.sent(1)[-2:]
    for message_id in (notice.message_id, greeting.message_id, 12345):
        rig.telegram.react(message_id, "👍", person_id=8)
    rig.telegram.react(rated.message.message_id, "👍", chat_id=GROUP, person_id=8)
    seen = len(rig.telegram.calls)
    await rig.settle()
    assert await rig.log.everything_about(CHANNEL, "8") == {}
    assert await rig.log.everything_about(CHANNEL, str(-GROUP)) == {}
    assert len(rig.telegram.calls) == seen


async def test_a_reaction_changes_nothing_that_is_known_of_the_chat(rated: Rated) -> None:
    rated.rig.telegram.set_member(1, "kicked")
    await rated.rig.settle()
    async with rated.rig.log.writing() as writing:
        before = await writing.chat(CHANNEL, "1", ChatKind.PRIVATE, "", "ru")
    await rated.react("👍")
    async with rated.rig.log.writing() as writing:
        assert await writing.chat_by_id(before.id) == before


async def test_a_reaction_that_was_not_read_yet_is_forgotten_with_its_person(rated: Rated) -> None:
    rated.rig.telegram.react(rated.message.message_id, "👍")
    await rated.rig.store()
    async with rated.rig.log.writing() as writing:
        await writing.forget(CHANNEL, "1")
    assert await rated.rig.log.pending_updates(4242) == []
