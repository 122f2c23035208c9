"""What each button does."""

from __future__ import annotations

from bot.telegram.aftermath import PressAnswer
from bot.telegram.commands import Call, changed_setting, erase, start_anew
from bot.telegram.keyboards import Buttons, settings_keyboard, thumbs_keyboard
from bot.telegram.seed_menu import FRONT, seed_menu
from bot.telegram.updates import Pressed
from bot.texts import refusal, text
from dialogue.errors import MessageRefused, SeedError, SettingsError

# The data of a button comes from the person's program, and with it may come any number; SQL takes 64 bits.
_MAX_ID_DIGITS = 18


async def press(call: Call, wish: Pressed) -> None:
    """Do what the button says, and note what is to be answered to it."""
    kind, _, choice = wish.data.partition(":")
    try:
        if kind == FRONT:
            word, words, buttons = _turn_page(call, wish.data)
        elif kind == "seed":
            word, words, buttons = await _press_seed(call, choice)
        elif kind == "say":
            word, words, buttons = await _press_example(call, choice)
        elif kind == "set":
            word, words, buttons = await _press_setting(call, choice)
        elif kind == "forget":
            word, words, buttons = await _press_forget(call, choice)
        elif kind == "thumb":
            word, words, buttons = await _press_thumb(call, choice)
        else:
            word, words, buttons = _expired(call)
    except (SeedError, SettingsError):
        # Keyboards stay in the chat for years; what they offered may be gone.
        word, words, buttons = _expired(call)
    except MessageRefused as error:
        word, words, buttons = refusal(error, call.language), "", ()
    call.aftermath.presses.append(PressAnswer(wish.sender.place, wish.message_id, wish.query_id, word, words, buttons))


async def _press_seed(call: Call, seed: str) -> tuple[str, str, Buttons]:
    title = call.session.seeds.get(seed).title
    await start_anew(call, seed)
    return "", text("seed_chosen", call.language, title=title), ()


def _turn_page(call: Call, address: str) -> tuple[str, str, Buttons]:
    page = seed_menu(call.session.seeds, call.visit.chat.seed, call.language).get(address)
    return _expired(call) if page is None else ("", page.words, page.buttons)


async def _press_example(call: Call, dialogue_id: str) -> tuple[str, str, Buttons]:
    """Take the seed's example as said by the person, once; the message then shows it in place of the button."""
    seed = call.session.seeds.get(call.visit.chat.seed)
    # The message with the button stands for the person's: there is none of theirs with these words.
    is_over = dialogue_id != call.visit.chat.dialogue_id or not seed.example
    if is_over or await call.session.writing.was_said(call.visit.chat, call.message_id):
        return _expired(call)
    await call.session.say(call.visit, seed.example, call.message_id)
    call.expect()
    before = seed.greeting or text("started_anew", call.language)
    return "", f"{before}\n\n💬 {seed.example}", ()


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


async def _press_thumb(call: Call, choice: str) -> tuple[str, str, Buttons]:
    """Keep what the person thinks of a reply; the thumb that is marked already is taken back."""
    thumb, _, turn = choice.partition(":")
    if thumb not in ("up", "down") or not (turn.isascii() and turn.isdigit() and len(turn) <= _MAX_ID_DIGITS):
        return _expired(call)
    writing, chat, person, turn_id = call.session.writing, call.visit.chat, call.visit.person, int(turn)
    is_up: bool | None = thumb == "up"
    if await writing.thumb_of(person, turn_id, "button") is is_up:
        is_up = None
    if not await writing.thumb(chat, person, turn_id, is_up, "button"):
        return _expired(call)
    key = "thumb_withdrawn" if is_up is None else f"thumb_{thumb}_noted"
    return text(key, call.language), "", thumbs_keyboard(turn, is_up)


def _expired(call: Call) -> tuple[str, str, Buttons]:
    return text("button_expired", call.language), "", ()
