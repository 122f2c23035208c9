"""Does what one update asks, inside the session of its batch."""

from __future__ import annotations

import time
from collections.abc import Callable

from bot.conversation import Session
from bot.telegram.aftermath import Aftermath, PressAnswer
from bot.telegram.commands import COMMANDS, Call, changed_setting, erase, start_anew
from bot.telegram.keyboards import Buttons, settings_keyboard
from bot.telegram.updates import Admitted, Commanded, Moved, Pressed, Reworded, Said, Sender, Wish, Wordless
from bot.texts import refusal, text
from dialogue.errors import MessageRefused, SeedError, SettingsError, TooManyWaiting
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

    async def apologise(self, session: Session, wish: Wish) -> None:
        """Tell the author of a message that it could not be handled."""
        if isinstance(wish, Said | Reworded | Commanded | Wordless):
            call = await self._call(session, wish.sender, Aftermath())
            call.message_id = wish.message_id
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
                await _press(call, wish)

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


async def _press(call: Call, wish: Pressed) -> None:
    kind, _, choice = wish.data.partition(":")
    try:
        if kind == "seed":
            word, words, buttons = await _press_seed(call, choice)
        elif kind == "set":
            word, words, buttons = await _press_setting(call, choice)
        elif kind == "forget":
            word, words, buttons = await _press_forget(call, choice)
        else:
            word, words, buttons = text("button_expired", call.language), "", ()
    except (SeedError, SettingsError):
        # Keyboards stay in the chat for years; what they offered may be gone.
        word, words, buttons = text("button_expired", call.language), "", ()
    call.aftermath.presses.append(PressAnswer(wish.sender.place, wish.message_id, wish.query_id, word, words, buttons))


async def _press_seed(call: Call, seed: str) -> tuple[str, str, Buttons]:
    title = call.session.seeds.get(seed).title
    await start_anew(call, seed)
    return "", text("seed_chosen", call.language, title=title), ()


async def _press_setting(call: Call, choice: str) -> tuple[str, str, Buttons]:
    name, _, value = choice.partition(":")
    call.visit = await call.session.change_setting(call.visit, name, value)
    keyboard = settings_keyboard(call.visit.chat.settings, call.language)
    return changed_setting(name, value, call.language), text("settings", call.language), keyboard


async def _press_forget(call: Call, choice: str) -> tuple[str, str, Buttons]:
    person_id, _, answer = choice.partition(":")
    if person_id != call.sender.person_id:
        return text("button_of_another", call.language), "", ()
    if answer != "yes":
        return "", text("kept", call.language), ()
    language = call.language
    await erase(call)
    return "", text("forgotten", language), ()
