"""What each command does."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bot.conversation import Session, Visit
from bot.telegram.aftermath import Aftermath, Expected
from bot.telegram.keyboards import Buttons, example_keyboard, forget_keyboard, settings_keyboard
from bot.telegram.seed_menu import FRONT, seed_menu
from bot.telegram.updates import Sender
from bot.texts import help_text, text
from dialogue.errors import SettingsError
from storage.log.sql_log import SqlLog
from storage.records import ChatKind

# What a person who cannot press a button may write behind /forget.
_CONFIRMATIONS = ("yes", "да")


@dataclass(slots=True)
class Call:
    """A command of a person, with everything it takes to obey it."""

    session: Session
    log: SqlLog
    aftermath: Aftermath
    sender: Sender
    visit: Visit
    message_id: str
    argument: str = ""

    @property
    def language(self) -> str:
        """The language the bot speaks to the person."""
        return self.session.language(self.visit)

    async def notice(self, key: str, buttons: Buttons = (), **values: object) -> None:
        """Say a sentence of `bot.texts`."""
        await self.say(text(key, self.language, **values), buttons)

    async def say(self, words: str, buttons: Buttons = ()) -> None:
        """Say something that is no turn of the dialogue."""
        await self.session.notice(self.visit, words, buttons, reply_to=self.message_id)

    def expect(self) -> None:
        """Note that the person waits for a reply now, if the bot is going to give one."""
        self.aftermath.expected.append(Expected(self.visit.chat.dialogue_id, self.sender, self.message_id))

    def call_off(self) -> None:
        """Note that the person waits no more."""
        self.aftermath.called_off.append(self.visit.chat.dialogue_id)


async def start(call: Call) -> None:
    """Begin a new dialogue, with the seed named behind the command if there is one of that name."""
    seed = call.argument if call.argument in call.session.seeds else None
    await start_anew(call, seed)


async def start_anew(call: Call, seed: str | None) -> None:
    """Begin a new dialogue; the seed's greeting is the answer, or a sentence where it has none.

    Below it is the seed's example, to be said with a press.
    """

    def below(visit: Visit) -> Buttons:
        return example_keyboard(visit.chat.dialogue_id, call.session.seed(visit).example, call.language)

    call.call_off()
    call.visit = await call.session.start_anew(call.visit, seed, below)
    if not call.session.seed(call.visit).greeting:
        await call.notice("started_anew", below(call.visit))


async def show_help(call: Call) -> None:
    await call.say(help_text(call.language))


async def retry(call: Call) -> None:
    await call.session.retry(call.visit)
    call.expect()


async def go_on(call: Call) -> None:
    await call.session.go_on(call.visit)
    call.expect()


async def undo(call: Call) -> None:
    is_undone = await call.session.undo(call.visit)
    call.call_off()
    await call.notice("undone" if is_undone else "nothing_to_undo")


async def cancel(call: Call) -> None:
    is_cancelled = await call.session.cancel(call.visit)
    call.call_off()
    await call.notice("cancelled" if is_cancelled else "nothing_to_cancel")


async def choose_seed(call: Call) -> None:
    """Change the seed if one is named behind the command, else ask."""
    if call.argument in call.session.seeds:
        await start_anew(call, call.argument)
        return
    front = seed_menu(call.session.seeds, call.visit.chat.seed, call.language)[FRONT]
    await call.say(front.words, front.buttons)


async def settings(call: Call) -> None:
    """Change a setting if name and value are behind the command, else ask."""
    name, _, value = call.argument.partition(" ")
    try:
        call.visit = await call.session.change_setting(call.visit, name, value.strip())
    except SettingsError:
        await call.notice("settings", settings_keyboard(call.visit.chat.settings, call.language))
    else:
        await call.say(changed_setting(name, value.strip(), call.language))


async def call_operator(call: Call) -> None:
    """Ask for a human; where one has the dialogue already, say so."""
    is_called = await call.session.call_operator(call.visit)
    await call.notice("operator_called" if is_called else "operator_is_here")


async def privacy(call: Call) -> None:
    await call.notice("privacy")


async def forget(call: Call) -> None:
    """Ask before everything is erased."""
    if call.argument.lower() in _CONFIRMATIONS:
        await erase(call)
        call.aftermath.farewells.append((call.sender.place, text("forgotten", call.language)))
        return
    await call.notice("forget_question", forget_keyboard(call.sender.person_id, call.language))


async def erase(call: Call) -> None:
    """Erase the person."""
    call.call_off()
    await call.session.forget(call.visit)
    if call.sender.kind is ChatKind.PRIVATE:
        call.aftermath.erased.append(call.visit.chat.id)


async def my_data(call: Call) -> None:
    """Send everything that is kept of the person; delivery makes a file of it."""
    person = call.visit.person
    everything = await call.log.everything_about(person.channel, person.external_id)
    await call.say(json.dumps(everything, ensure_ascii=False, indent=1))


def changed_setting(name: str, value: str, language: str) -> str:
    """Return the sentence that confirms a choice."""
    setting, choice = text(f"settings_{name}", language), text(f"settings_{name}_{value}", language)
    return text("setting_changed", language, setting=setting, choice=choice)


COMMANDS: dict[str, Callable[[Call], Awaitable[None]]] = {
    "start": start,
    "help": show_help,
    "new": start,
    "retry": retry,
    "continue": go_on,
    "undo": undo,
    "cancel": cancel,
    "seed": choose_seed,
    "settings": settings,
    "human": call_operator,
    "privacy": privacy,
    "forget": forget,
    "mydata": my_data,
    # As other chatbots call them.
    "reset": start,
    "regenerate": retry,
    "mode": choose_seed,
    "persona": choose_seed,
    "operator": call_operator,
}
