"""Sends messages to one chat, through whatever Telegram answers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

from telegram import InputFile, Message, ReplyParameters
from telegram.error import BadRequest, ChatMigrated, EndPointNotFound, Forbidden, RetryAfter, TelegramError

from bot.telegram.client import BotClient, seconds_to_wait
from bot.telegram.keyboards import Buttons, markup, thumbs_keyboard
from bot.telegram.marking import Marking
from bot.telegram.pacing import Pacing
from bot.telegram.splitting import split, well_formed
from bot.telegram.updates import chat_and_topic
from bot.texts import text
from dialogue.failpoints import reach
from dialogue.turns import Outcome
from storage.records import Author, ChatKind, Outgoing, SendState

logger = logging.getLogger(__name__)

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
DOCUMENT_NAME = "mydata.json"


class Stopped(Exception):
    """The process is to stop, and nothing is on the wire."""


class NotDue(Exception):
    """The message is not to be sent any more: another process was faster, or its person was erased."""


class NoDocuments(Exception):
    """The server cannot send files."""


class ChatSender:
    """Sends messages to one chat, one after the other."""

    def __init__(self, bot: BotClient, marking: Marking, pacing: Pacing, first: Outgoing, first_pause_s: float) -> None:
        self._bot, self._marking, self._pacing = bot, marking, pacing
        self._chat_id = first.chat_id
        self._place = first.chat_external_id
        self._is_group = first.chat_kind is ChatKind.GROUP
        self._first_pause_s = first_pause_s
        self._is_reachable = True
        self._marked = 0
        self._is_sending = False
        self._is_stopping = False

    def stop(self) -> bool:
        """Begin nothing more; say whether something is on the wire, after which `send` raises `Stopped`."""
        self._is_stopping = True
        return self._is_sending

    async def send(self, outgoing: Outgoing) -> None:
        """Send a message, or note why it cannot be sent; returns when one or the other is in SQL.

        Raises:
            Stopped: `stop` was called.
        """
        self._rest()
        if outgoing.state is SendState.SENDING and not outgoing.maybe_duplicate:
            self._marked = outgoing.id  # When it was recorded.
        if not self._is_reachable:
            await self._marking.failed(outgoing.id, "the chat is unreachable")
            return
        try:
            parts, external_ids = await self._send_parts(outgoing)
        except NotDue:
            logger.info("message %d is not to be sent any more", outgoing.id)
        except Forbidden as error:
            self._is_reachable = False
            logger.info("chat %d is unreachable: %s", self._chat_id, error)
            await self._marking.failed(outgoing.id, str(error))
            await self._marking.unreachable(self._chat_id)
        except BadRequest as error:
            logger.error("message %d was refused: %s", outgoing.id, error)
            await self._marking.failed(outgoing.id, str(error))
        else:
            reach("message-sent")
            await self._marking.sent(outgoing.id, parts, external_ids)
            reach("message-marked")
        self._is_sending = False

    async def _send_parts(self, outgoing: Outgoing) -> tuple[int, list[str]]:
        """Send the parts that were not sent yet; return how many there are, and the ids of those not noted yet."""
        words = well_formed(_words(outgoing))
        if _is_document(outgoing):
            with suppress(NoDocuments):
                message = await self._insist(outgoing, partial(self._send_document, words))
                return 1, [str(message.message_id)]
        # Telegram refuses a message of nothing but white space, and shows none around others.
        parts = [part for part in split(words) if part.strip()]
        external_ids: list[str] = []
        for number, part in enumerate(parts[outgoing.sent_parts :], outgoing.sent_parts + 1):
            if external_ids:
                await self._marking.part_sent(outgoing.id, number - 1, external_ids.pop())
                self._rest()
            reply_to = outgoing.reply_to if self._is_group and number == 1 else ""
            buttons = _buttons(outgoing) if number == len(parts) else ()
            message = await self._insist(outgoing, partial(self._send_text, part, reply_to, buttons))
            external_ids.append(str(message.message_id))
        return len(parts), external_ids

    async def _insist(self, outgoing: Outgoing, send: Callable[[], Awaitable[Message]]) -> Message:
        """Send until Telegram takes it or will never take it.

        Raises:
            NotDue: it is not to be sent any more.
            Forbidden: the chat is closed to the bot.
            BadRequest: the message is no good.
        """
        pause_s = self._first_pause_s
        while True:
            await self._pacing.wait(self._chat_id, self._is_group)
            self._is_sending = True
            await self._mark(outgoing)
            reach("message-sending")
            try:
                return await send()
            except RetryAfter as error:
                logger.info("chat %d is paused for %.0f s", self._chat_id, seconds_to_wait(error))
                self._pacing.pause(self._chat_id, seconds_to_wait(error), self._is_group)
                # It is not on its way: whoever takes the dialogue over in the meantime can still stop it.
                self._marked = 0
                await self._marking.unsent(outgoing.id)
                self._rest()
            except ChatMigrated as error:
                await self._move(str(error.new_chat_id))
                self._rest()
            except (Forbidden, BadRequest):
                raise
            except TelegramError as error:
                # Perhaps it was taken and only the answer was lost: then it comes twice, and is marked for it.
                self._marked = 0
                logger.warning("message %d: %s; again in %.1f s", outgoing.id, error, pause_s)
                self._rest()
                await asyncio.sleep(pause_s)
                pause_s = min(LONGEST_PAUSE_S, pause_s * 2)

    async def _mark(self, outgoing: Outgoing) -> None:
        """Note once that the message is about to be sent; a second note makes it a possible duplicate.

        Raises:
            NotDue: it is not to be sent any more.
        """
        if self._marked != outgoing.id:
            if not await self._marking.sending(outgoing.id):
                raise NotDue
            self._marked = outgoing.id

    def _rest(self) -> None:
        """Note that nothing is on the wire.

        Raises:
            Stopped: `stop` was called.
        """
        self._is_sending = False
        if self._is_stopping:
            raise Stopped

    async def _move(self, new_place: str) -> None:
        old_place, self._place = self._place, new_place
        logger.info("chat %d has another id now", self._chat_id)
        await self._marking.moved(old_place, new_place)

    async def _send_text(self, part: str, reply_to: str, buttons: Buttons) -> Message:
        chat_id, topic = chat_and_topic(self._place)
        reply = ReplyParameters(int(reply_to), allow_sending_without_reply=True) if reply_to.isdigit() else None
        return await self._bot.send_message(
            chat_id, part, reply_markup=markup(buttons), message_thread_id=topic, reply_parameters=reply
        )

    async def _send_document(self, words: str) -> Message:
        chat_id, topic = chat_and_topic(self._place)
        document = InputFile(words.encode(), filename=DOCUMENT_NAME)
        try:
            return await self._bot.send_document(chat_id, document, message_thread_id=topic)
        except EndPointNotFound:
            raise NoDocuments from None


def _words(outgoing: Outgoing) -> str:
    if outgoing.outcome is Outcome.ANSWERED:
        return outgoing.text
    return text(f"outcome_{outgoing.outcome.value}", outgoing.language)


def _buttons(outgoing: Outgoing) -> Buttons:
    """Return the buttons below the message: those that it has, else below the model's words what one thinks of them."""
    # In a group a keyboard would show everybody one person's thumb; reactions count there.
    is_rated = outgoing.author is Author.MODEL and outgoing.chat_kind is ChatKind.PRIVATE
    return thumbs_keyboard(outgoing.turn_id) if is_rated and not outgoing.buttons else outgoing.buttons


def _is_document(outgoing: Outgoing) -> bool:
    # What a person gets of their data is the only notice that is a JSON object; the log needs no further mark for it.
    return not outgoing.turn_id and outgoing.text.startswith("{")
