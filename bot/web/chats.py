"""What visitors see of their chat, and how they act in it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from bot.conversation import Conversation, Session, Visit
from bot.texts import text
from bot.web.delivery import CHANNEL, WebDelivery
from bot.web.events import Page, Pages
from dialogue.choices import CHOICES, chosen
from dialogue.forms import Group, SeedKind
from dialogue.seeds import Seed
from storage.records import ChatKind, ShownTurn


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who made a request.

    Args:
        language: what the browser asks for, `ru` or `en`.
    """

    id: str
    language: str


# Not the language: a page is in that of its browser.
_SETTINGS = ("temperature", "length", "training")


class WebChats:
    """The chats of all visitors, one each."""

    def __init__(self, conversation: Conversation, delivery: WebDelivery, pages: Pages) -> None:
        self._conversation = conversation
        self._delivery = delivery
        self._pages = pages

    def seeds(self) -> list[dict[str, Any]]:
        """Return what one can choose from, ready for JSON: those to talk to first, and what does alike together."""
        seeds = sorted(self._conversation.seeds, key=lambda seed: list(Group).index(seed.group))
        return [_shown_seed(seed) for seed in seeds]

    async def settings(self, visitor: Visitor) -> list[dict[str, Any]]:
        """Return what the visitor may choose, in the visitor's language, ready for JSON."""
        async with self._conversation.session() as session:
            chat = (await enter(session, visitor)).chat
        return [_shown_setting(name, chosen(name, chat.settings), visitor.language) for name in _SETTINGS]

    async def everything_about(self, visitor: Visitor) -> dict[str, Any]:
        """Return all that is kept of the visitor."""
        return await self._conversation.log.everything_about(CHANNEL, visitor.id)

    @asynccontextmanager
    async def visit(self, visitor: Visitor) -> AsyncIterator[tuple[Session, Visit]]:
        """Enter the visitor's chat for one transaction; once it is committed, their pages are told to read it.

        Raises:
            StorageUnavailable: nothing was kept.
        """
        async with self._conversation.session(self._delivery.deliver) as session:
            visit = await enter(session, visitor)
            yield session, visit
        # The pages follow the dialogue that was there before, even where another was begun.
        await self._delivery.announce(visit.chat.dialogue_id)

    async def read(self, visitor: Visitor, page: Page | None = None) -> dict[str, Any]:
        """Return the visitor's chat as it is now, ready for JSON.

        Args:
            page: an open page, which from now on is told what happens in the chat's dialogue.

        Raises:
            StorageUnavailable: the log is out of reach.
        """
        async with self._conversation.session() as session:
            visit = await enter(session, visitor)
            seed = session.seed(visit)
        if page is not None and self._pages.follow(page, visit.chat.dialogue_id):
            # Read after following, never before: what happens in between is missed by nobody.
            return await self.read(visitor, page)
        turns = await self._conversation.log.transcript(visit.chat.id)
        awaited = await self._conversation.log.awaited(visit.chat.id)
        operator = await self._conversation.log.operator(visit.chat.id)
        if operator == "here":
            awaited = None  # A human answers, in a human's time.
        if page is not None:
            page.has_read(visit.chat.epoch, is_waiting=awaited is not None)
        return {
            "seed": seed.name,
            "awaited": awaited and awaited.value,
            "operator": operator,
            "turns": [_shown_turn(turn) for turn in turns],
        }


async def enter(session: Session, visitor: Visitor) -> Visit:
    """Enter the chat that the visitor has with the bot."""
    return await session.enter(CHANNEL, visitor.id, ChatKind.PRIVATE, visitor.id, "", visitor.language)


def _shown_setting(name: str, value: str, language: str) -> dict[str, Any]:
    choices = [{"value": each, "title": text(f"settings_{name}_{each}", language)} for each in CHOICES[name]]
    return {"name": name, "title": text(f"settings_{name}", language), "value": value, "choices": choices}


def _shown_seed(seed: Seed) -> dict[str, Any]:
    return {
        "name": seed.name,
        "language": seed.language,
        "title": seed.title,
        "description": seed.description,
        "example": seed.example,
        "continues": seed.kind is SeedKind.DIALOGUE,
        "max_message_chars": seed.max_message_chars,
    }


def _shown_turn(turn: ShownTurn) -> dict[str, Any]:
    return {
        "id": turn.turn_id,
        "author": turn.author.value,
        "text": turn.text,
        "version": turn.version,
        "state": turn.state.value,
        "at": turn.at,
    }
