"""The use cases that every channel shares: what a person can do in a chat, whatever it is reached through."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from bot.texts import text as sentence
from dialogue.choices import CHOICES, chosen
from dialogue.errors import (
    MessageEmpty,
    MessageTooLong,
    SeedError,
    SettingsError,
    StorageUnavailable,
    WithOperator,
)
from dialogue.failpoints import reach
from dialogue.seeds import Seed, Seeds
from dialogue.turns import Ask
from storage.live.inbox import RedisInbox
from storage.log.outbox import Buttons
from storage.log.sql_log import SqlLog
from storage.log.writing import Writing
from storage.records import Asked, Author, Chat, ChatKind, Outgoing, Person

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Visit:
    """A person in a chat."""

    chat: Chat
    person: Person


Deliver = Callable[[Sequence[Outgoing]], Awaitable[None]]
"""Takes messages of the outbox in order; must not raise."""


class Conversation:
    """What people can do; each session is one SQL transaction, followed by what it means for the live state.

    Args:
        first_seeds: with which seeds new chats may begin: the first in the person's language, else the first.
    """

    def __init__(self, log: SqlLog, inbox: RedisInbox, seeds: Seeds, first_seeds: Sequence[str]) -> None:
        self.log = log
        self.seeds = seeds
        self._inbox = inbox
        self._first_seeds = [seeds.get(name).name for name in first_seeds]

    @asynccontextmanager
    async def session(self, deliver: Deliver | None = None) -> AsyncIterator[Session]:
        """Open a transaction; once it is committed, queue and interrupt in Redis what was said and called off.

        Args:
            deliver: takes what was posted after the commit, before a reply to what was said can come back.

        Raises:
            StorageUnavailable: SQL is out of reach; nothing was kept.
        """
        async with self.log.writing() as writing:
            session = Session(writing, self.seeds, self._first_seeds)
            yield session
            await session.gather_what_waits()
        reach("session-committed")
        if deliver is not None:
            await deliver(session.posted)
        try:
            await session.carry_out(self._inbox)
        except StorageUnavailable:
            # The turns wait in SQL: the reconciler queues them as soon as Redis is back.
            logger.warning("live state is out of reach; the messages wait in the log")


@dataclass
class Session:
    """One transaction of `Conversation.session`.

    Args:
        posted: the messages that were put into the outbox; the channel sends them after the commit.
        queued: the dialogues of which something goes into the queue; known at the end of the transaction.
    """

    writing: Writing
    seeds: Seeds
    first_seeds: Sequence[str]
    posted: list[Outgoing] = field(default_factory=list)
    queued: set[str] = field(default_factory=set)
    _spoken_in: set[str] = field(default_factory=set)
    _waiting: list[Asked] = field(default_factory=list)
    _called_off: list[tuple[str, int]] = field(default_factory=list)
    _forgotten: list[str] = field(default_factory=list)

    async def enter(
        self, channel: str, place_id: str, kind: ChatKind, person_id: str, name: str, language: str
    ) -> Visit:
        """Find or make the person and the chat.

        Args:
            language: the person's interface language as the channel names it (`ru`, `en-GB`); may be empty.
        """
        person = await self.writing.person(channel, person_id, name, language)
        spoken = spoken_language(language)
        understood = (name for name in self.first_seeds if self.seeds.get(name).language == spoken)
        first_seed = next(understood, self.first_seeds[0])
        chat = await self.writing.chat(channel, place_id, kind, first_seed, spoken)
        return Visit(chat, person)

    def seed(self, visit: Visit) -> Seed:
        """Return the seed of the chat's dialogue, the first one where it no longer exists."""
        try:
            return self.seeds.get(visit.chat.seed)
        except SeedError:
            return self.seeds.get(self.first_seeds[0])

    def language(self, visit: Visit) -> str:
        """Return the language the bot speaks to this person: `ru` or `en`."""
        return chosen_language(visit.chat)

    async def say(self, visit: Visit, text: str, external_id: str = "") -> None:
        """Take a message that wants an answer.

        Raises:
            MessageEmpty: nothing but white space.
            MessageTooLong: longer than the seed's limit.
            TooManyWaiting: so many wait already that no more are taken.
        """
        refuse_unfit(self.seed(visit), text)
        asked = await self.writing.say(visit.chat, visit.person, text, external_id)
        self._spoken_in.add(asked.dialogue_id)

    async def retry(self, visit: Visit) -> None:
        """Ask for another version of the last reply.

        Raises:
            WithOperator: an operator has the dialogue.
            NothingToRetry: the last word was an operator's.
        """
        await self._insist_on_bot(visit)
        asked = await self.writing.ask(visit.chat, visit.person, Ask.RETRY)
        self._spoken_in.add(asked.dialogue_id)

    async def go_on(self, visit: Visit) -> None:
        """Ask for more of the last reply.

        Raises:
            WithOperator, NothingToRetry: as for `retry`.
        """
        await self._insist_on_bot(visit)
        asked = await self.writing.ask(visit.chat, visit.person, Ask.CONTINUE)
        self._spoken_in.add(asked.dialogue_id)

    async def cancel(self, visit: Visit) -> bool:
        """Call off what is being written and what waits; say whether there was anything.

        Raises:
            WithOperator: an operator has the dialogue.
        """
        await self._insist_on_bot(visit)
        chat, waiting = await self.writing.interrupt(visit.chat)
        self._called_off.append((chat.dialogue_id, chat.epoch))
        return waiting > 0

    async def undo(self, visit: Visit) -> bool:
        """Take the last exchange back; say whether there was one.

        Raises:
            WithOperator: an operator has the dialogue.
        """
        await self._insist_on_bot(visit)
        chat, is_undone = await self.writing.undo(visit.chat)
        self._called_off.append((chat.dialogue_id, chat.epoch))
        return is_undone

    async def reword(self, visit: Visit, external_id: str, text: str) -> bool:
        """Answer an edited message anew; say whether it was part of the last exchange.

        Raises:
            MessageEmpty, MessageTooLong: as for `say`.
        """
        refuse_unfit(self.seed(visit), text)
        reworded = await self.writing.reword(visit.chat, visit.person, external_id, text)
        if reworded is None:
            return False
        chat, asked = reworded
        self._called_off.append((chat.dialogue_id, chat.epoch))
        self._spoken_in.update(each.dialogue_id for each in asked)
        return True

    async def start_anew(
        self, visit: Visit, seed: str | None = None, below: Callable[[Visit], Buttons] = lambda visit: ()
    ) -> Visit:
        """Begin a new dialogue, with another seed if one is named, and post the seed's greeting.

        Args:
            below: returns the buttons below the greeting.

        Raises:
            SeedError: there is no such seed.
        """
        chosen = self.seeds.get(seed) if seed else self.seed(visit)
        chat = await self.writing.new_dialogue(visit.chat, chosen.name)
        self._forgotten.append(visit.chat.dialogue_id)
        visit = Visit(chat, visit.person)
        if chosen.greeting:
            turn_id = await self.writing.greet(chat, chosen.greeting)
            outgoing = await self.writing.post(chat, chosen.greeting, below(visit), turn_id=turn_id, author=Author.SEED)
            self.posted.append(outgoing)
        return visit

    async def change_setting(self, visit: Visit, name: str, value: str) -> Visit:
        """Change what people may change in a chat.

        Raises:
            SettingsError: there is no such setting or value.
        """
        if value not in CHOICES.get(name, ()):
            raise SettingsError(f"{name}={value!r} is not one of the choices")
        chat = await self.writing.set_settings(visit.chat, {**visit.chat.settings, name: value})
        return Visit(chat, visit.person)

    async def notice(
        self,
        visit: Visit,
        text: str,
        buttons: Buttons = (),
        reply_to: str = "",
    ) -> Outgoing:
        """Post a sentence of the bot's own, which is no turn of the dialogue."""
        outgoing = await self.writing.post(visit.chat, text, buttons, reply_to)
        self.posted.append(outgoing)
        return outgoing

    async def forget(self, visit: Visit) -> None:
        """Erase the person: what they said, what was answered, their name."""
        self._forgotten.extend(await self.writing.forget(visit.person.channel, visit.person.external_id))

    async def take_over(self, dialogue_id: str, operator_id: int) -> bool:
        """Give a dialogue to an operator and tell its person; say whether it is new to that operator.

        Raises:
            TakenAlready: another operator has it, or it is over.
        """
        claim = await self.writing.claim(dialogue_id, operator_id)
        if claim.is_new:
            self._called_off.append((dialogue_id, claim.epoch))
            await self._tell(claim.chat_id, "operator_came")
        return claim.is_new

    async def speak_for_bot(self, dialogue_id: str, operator_id: int, text: str, draft: int | None) -> Outgoing:
        """Say something in the bot's place; see `Writing.operator_says`.

        Raises:
            MessageEmpty: nothing but white space.
            NotClaimed: the operator does not have the dialogue.
        """
        if not text.strip():
            raise MessageEmpty("the message is empty: there is nothing but white space")
        outgoing = await self.writing.operator_says(dialogue_id, operator_id, text, draft)
        self.posted.append(outgoing)
        return outgoing

    async def hand_back(self, dialogue_id: str, operator_id: int | None = None) -> None:
        """Give a dialogue back to the bot, which answers what still waits there.

        Args:
            operator_id: who gives it back; None where the claim has run out.

        Raises:
            NotClaimed: it is not that operator's, or the claim has not run out after all.
        """
        chat_id = await self.writing.release(dialogue_id, operator_id)
        self._spoken_in.add(dialogue_id)
        await self._tell(chat_id, "operator_left")

    async def call_operator(self, visit: Visit) -> bool:
        """Ask for an operator; False where one has the dialogue already."""
        if await self.writing.is_claimed(visit.chat.dialogue_id):
            return False
        await self.writing.want_human(visit.chat.dialogue_id)
        return True

    async def give_up_calling(self, dialogue_id: str) -> None:
        """Tell a person who has asked for an operator that none is free."""
        chat_id = await self.writing.nobody_came(dialogue_id)
        if chat_id is not None:
            await self._tell(chat_id, "operator_not_free")

    async def gather_what_waits(self) -> None:
        """Find what is to be queued: all that waits in the dialogues that were spoken in.

        What was said before may have missed the queue, when Redis was away or a bot died: it goes first now, not later.
        """
        if self._spoken_in:
            self._waiting = await self.writing.waiting_in(sorted(self._spoken_in))
            self.queued = {asked.dialogue_id for asked in self._waiting}

    async def carry_out(self, inbox: RedisInbox) -> None:
        """Do to the live state what the committed transaction means for it.

        Raises:
            StorageUnavailable: Redis is out of reach.
        """
        for dialogue_id, epoch in self._called_off:
            await inbox.interrupt(dialogue_id, epoch)
        if self._forgotten:
            await inbox.forget(self._forgotten)
        if self._waiting:
            await inbox.queue(self._waiting)

    async def _insist_on_bot(self, visit: Visit) -> None:
        if await self.writing.is_claimed(visit.chat.dialogue_id):
            raise WithOperator("an operator has the dialogue")

    async def _tell(self, chat_id: int, key: str) -> None:
        chat = await self.writing.chat_by_id(chat_id)
        self.posted.append(await self.writing.post(chat, sentence(key, chosen_language(chat))))


def refuse_unfit(seed: Seed, text: str) -> None:
    """Refuse a message that the seed does not take.

    Raises:
        MessageEmpty: nothing but white space.
        MessageTooLong: longer than the seed's limit.
    """
    if not text.strip():
        raise MessageEmpty("the message is empty: there is nothing but white space")
    if len(text) > seed.max_message_chars:
        raise MessageTooLong(len(text), seed.max_message_chars)


def spoken_language(language: str) -> str:
    """Return the bot's language for an interface language: Russian for Russian, else English."""
    return "ru" if language.lower().split("-")[0] == "ru" else "en"


def chosen_language(chat: Chat) -> str:
    """Return the language that the chat was set to, or its own where nobody chose one."""
    choice = chosen("language", chat.settings)
    return chat.language if choice == "auto" else choice
