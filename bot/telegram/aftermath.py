"""What is to be done in Telegram once the transaction is committed in which wishes were fulfilled."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from telegram.error import BadRequest, EndPointNotFound, TelegramError

from bot.telegram.client import BotClient
from bot.telegram.keyboards import Buttons, markup
from bot.telegram.updates import Inquired, Sender, chat_and_topic

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Expected:
    """A person waits for a reply in this dialogue."""

    dialogue_id: str
    sender: Sender
    message_id: str


@dataclass(frozen=True, slots=True)
class PressAnswer:
    """The answer to a pressed button: a word on the screen, and another text and keyboard for its message.

    Args:
        text: replaces the message's text; empty where that stays as it is.
        buttons: replace its keyboard; without a text and buttons the message stays as it is.
    """

    place: str
    message_id: str
    query_id: str
    word: str
    text: str = ""
    buttons: Buttons = ()


@dataclass(slots=True)
class Aftermath:
    """What is to be done after the commit.

    Args:
        expected: where people wait for a reply now.
        called_off: dialogues in which nobody waits any more.
        inquiries: what people ask in other chats; nothing of it is kept.
        erased: private chats that are gone, with all that was to be sent there.
        farewells: (place, text) to say to people who were erased, and whose outbox is gone with them.
    """

    expected: list[Expected] = field(default_factory=list)
    called_off: list[str] = field(default_factory=list)
    presses: list[PressAnswer] = field(default_factory=list)
    inquiries: list[Inquired] = field(default_factory=list)
    erased: list[int] = field(default_factory=list)
    farewells: list[tuple[str, str]] = field(default_factory=list)


async def answer_press(bot: BotClient, answer: PressAnswer) -> None:
    """Answer a pressed button; what the server cannot show in another way is said in a new message."""
    is_shown = True
    try:
        await bot.answer_callback_query(answer.query_id, answer.word or None)
    except EndPointNotFound:
        is_shown = False
    except TelegramError as error:
        logger.debug("button not answered: %s", error)  # Telegram takes the answer for a short time only.
    if answer.text:
        await _edit_text(bot, answer)
        return
    if answer.buttons:
        await _edit_buttons(bot, answer)
    if not is_shown:
        await say_directly(bot, answer.place, answer.word)


async def _edit_text(bot: BotClient, answer: PressAnswer) -> None:
    chat_id, _ = chat_and_topic(answer.place)
    try:
        await bot.edit_message_text(answer.text, chat_id, int(answer.message_id), reply_markup=markup(answer.buttons))
    except BadRequest as error:
        if not _is_so_already(error):
            await say_directly(bot, answer.place, answer.text, answer.buttons)
    except EndPointNotFound:
        await say_directly(bot, answer.place, answer.word or answer.text, answer.buttons)
    except TelegramError as error:
        logger.warning("the pressed keyboard stays as it was: %s", error)


async def _edit_buttons(bot: BotClient, answer: PressAnswer) -> None:
    chat_id, _ = chat_and_topic(answer.place)
    try:
        await bot.edit_message_reply_markup(chat_id, int(answer.message_id), reply_markup=markup(answer.buttons))
    except EndPointNotFound as error:
        logger.debug("the pressed keyboard stays as it was: %s", error)
    except TelegramError as error:
        if not _is_so_already(error):
            logger.warning("the pressed keyboard stays as it was: %s", error)


def _is_so_already(error: TelegramError) -> bool:
    # The same button twice: the message already reads so.
    return "not modified" in str(error).lower()


async def say_directly(bot: BotClient, place: str, text: str, buttons: Buttons = ()) -> None:
    """Send a message past the outbox: it is not repeated if that fails."""
    chat_id, topic = chat_and_topic(place)
    try:
        await bot.send_message(chat_id, text, reply_markup=markup(buttons), message_thread_id=topic)
    except TelegramError as error:
        logger.warning("not said: %s", error)
