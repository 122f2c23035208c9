"""Does what one update asks, inside the session of its batch."""

from __future__ import annotations

import time
from collections.abc import Callable

from bot.conversation import Session
from bot.telegram.aftermath import Aftermath, PressAnswer
from bot.telegram.commands import COMMANDS, Call
from bot.telegram.presses import press
from bot.telegram.updates import (
    Admitted,
    Commanded,
    Inquired,
    Moved,
    Pressed,
    Reacted,
    Reworded,
    Said,
    Sender,
    Wish,
    Wordless,
)
from bot.texts import refusal, text
from dialogue.errors import MessageRefused, TooManyWaiting
from storage.log.sql_log import SqlLog
from storage.records import ChatKind

CHANNEL = "telegram"

# Somebody who sends far more than can be answered is told so now and then, not once for each message.
_WARN_EVERY_S = 60.0


class Wishes:
    """Fulfils wishes: every message gets a turn of the dialogue, or one sentence that says why not."""

    def __init__(self, log: SqlLog, clock: Callable[[], float] = time.monotonic) -> None:
        self._log, self._clock = log, clock
        self._warned_at: dict[str, float] = {}
        self._albums: dict[str, str] = {}

    async def fulfil(self, session: Session, wish: Wish, aftermath: Aftermath) -> None:
        """Do what is asked, in the session's transaction; what Telegram is to do goes into `aftermath`."""
        if isinstance(wish, Moved):
            await session.writing.move_chat(CHANNEL, wish.old_place, wish.new_place)
            return
        if isinstance(wish, Reacted):
            await _note_reaction(session, wish)
            return
        if isinstance(wish, Inquired):
            aftermath.inquiries.append(wish)
            return
        call = await self._call(session, wish.sender, aftermath)
        if isinstance(wish, Admitted):
            await session.writing.set_active(call.visit.chat.id, wish.is_active)
            return
        if not call.visit.chat.is_active:
            # Whoever writes can be written to, whatever was noted earlier.
            await session.writing.set_active(call.visit.chat.id, True)
        call.message_id = wish.message_id
        try:
            await self._answer(call, wish)
        except MessageRefused as error:
            await self._refuse(call, error)

    async def apologise(self, session: Session, wish: Wish, aftermath: Aftermath) -> None:
        """Tell the author of a message, or whoever pressed a button, that it could not be handled."""
        if not isinstance(wish, Said | Reworded | Commanded | Wordless | Pressed):
            return
        call = await self._call(session, wish.sender, aftermath)
        call.message_id = wish.message_id
        if isinstance(wish, Pressed):
            word = text("button_failed", call.language)
            aftermath.presses.append(PressAnswer(wish.sender.place, wish.message_id, wish.query_id, word))
        else:
            await call.notice("failure")

    async def _call(self, session: Session, sender: Sender, aftermath: Aftermath) -> Call:
        visit = await session.enter(CHANNEL, sender.place, sender.kind, sender.person_id, sender.name, sender.language)
        return Call(session, self._log, aftermath, sender, visit, "")

    async def _answer(self, call: Call, wish: Said | Reworded | Commanded | Wordless | Pressed) -> None:
        match wish:
            case Said():
                await call.session.say(call.visit, wish.text, wish.message_id)
                call.expect()
            case Reworded():
                await self._reword(call, wish)
            case Commanded():
                await self._command(call, wish)
            case Wordless():
                await self._wordless(call, wish)
            case Pressed():
                await press(call, wish)

    async def _reword(self, call: Call, wish: Reworded) -> None:
        if not await call.session.reword(call.visit, wish.message_id, wish.text):
            await call.notice("edit_too_old")
            return
        call.call_off()
        call.expect()

    async def _command(self, call: Call, wish: Commanded) -> None:
        command = COMMANDS.get(wish.name)
        call.argument = wish.argument
        if command is not None:
            await command(call)
        elif wish.sender.kind is ChatKind.PRIVATE:
            await call.notice("unknown_command")
        # In a group it is probably another bot's.

    async def _wordless(self, call: Call, wish: Wordless) -> None:
        # The pictures of an album come one by one, but to their sender they are one message.
        if wish.album and self._albums.get(wish.sender.place) == wish.album:
            return
        self._albums[wish.sender.place] = wish.album
        await call.notice("text_only")

    async def _refuse(self, call: Call, error: MessageRefused) -> None:
        if not isinstance(error, TooManyWaiting) or self._may_warn(call.sender.place):
            await call.say(refusal(error, call.language))

    def _may_warn(self, place: str) -> bool:
        now = self._clock()
        self._warned_at = {place: at for place, at in self._warned_at.items() if now - at < _WARN_EVERY_S}
        return self._warned_at.setdefault(place, now) == now


def needs_commit(wish: Wish | None) -> bool:
    """Say whether everything before the wish must be committed, because fulfilling it reads the log."""
    return isinstance(wish, Commanded) and wish.name == "mydata"


async def _note_reaction(session: Session, wish: Reacted) -> None:
    """Keep what somebody thinks of a reply.

    Nobody is entered for it before that is sure: in a group where the bot is an administrator, it hears of everybody's
    reactions to everything.
    """
    found = await session.writing.turn_of_message(CHANNEL, wish.sender.place, wish.message_id)
    if found is None:
        return
    chat_id, turn_id = found
    sender, chat = wish.sender, await session.writing.chat_by_id(chat_id)
    person = await session.writing.person(CHANNEL, sender.person_id, sender.name, sender.language)
    await session.writing.thumb(chat, person, turn_id, wish.is_up, "reaction")
