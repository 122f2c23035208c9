"""People and chats: found, or made when they come for the first time."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import Any

from sqlalchemy import Row, Select, bindparam, func, insert, select, update

from dialogue.errors import StorageError
from storage.log.tables import chats, dialogues, is_open, people
from storage.log.transaction import Transaction, last_reply
from storage.records import Chat, ChatKind, Person

_read_person = select(people).where(
    people.c.channel == bindparam("channel"), people.c.external_id == bindparam("external_id")
)
_change_person = (
    update(people)
    .where(people.c.id == bindparam("person"))
    .values(name=bindparam("new_name"), language=bindparam("new_language"))
)

_read_chats: Select[Any] = select(
    chats,
    dialogues.c.id.label("dialogue_id"),
    dialogues.c.seed,
    dialogues.c.epoch,
    func.coalesce(last_reply, "").label("last_reply"),
).join_from(chats, dialogues, (dialogues.c.chat_id == chats.c.id) & is_open)
_read_chat = _read_chats.where(chats.c.channel == bindparam("channel"), chats.c.external_id == bindparam("external_id"))
_read_chat_by_id = _read_chats.where(chats.c.id == bindparam("chat"))
_change_language = update(chats).where(chats.c.id == bindparam("chat")).values(language=bindparam("new"))
_change_settings = update(chats).where(chats.c.id == bindparam("chat")).values(settings=bindparam("new"))
_change_activity = update(chats).where(chats.c.id == bindparam("chat")).values(is_active=bindparam("new"))

open_dialogue = insert(dialogues)
"""Opens a dialogue; see `new_dialogue_row`."""


def new_dialogue_row(chat_id: int, seed: str, epoch: int, now: float) -> dict[str, Any]:
    """Return the row of a dialogue that begins now."""
    times = {"opened_at": now, "last_at": now, "touched_at": now}
    return {"id": secrets.token_hex(8), "chat_id": chat_id, "seed": seed, "epoch": epoch, **times}


class Places(Transaction):
    """Who talks to the bot, and where."""

    async def person(self, channel: str, external_id: str, name: str, language: str) -> Person:
        """Find or make a person, and keep the newest name and language."""
        place = {"channel": channel, "external_id": external_id}
        row = (await self._run(_read_person, place)).one_or_none()
        if row is None:
            about = {"name": name, "language": language, "created_at": self._clock()}
            await self._insert_new(people, {**place, **about})
            row = (await self._run(_read_person, place)).one()
        if (row.name, row.language) != (name, language):
            await self._run(_change_person, {"person": row.id, "new_name": name, "new_language": language})
        return Person(row.id, channel, external_id, name, language)

    async def chat(self, channel: str, external_id: str, kind: ChatKind, default_seed: str, language: str) -> Chat:
        """Find or make a chat, a new one with a first dialogue.

        Args:
            language: what the bot speaks there, `ru` or `en`; a group keeps that of whoever came first.
        """
        place = {"channel": channel, "external_id": external_id}
        row = (await self._run(_read_chat, place)).one_or_none()
        if row is None:
            await self._make_chat(place, kind, default_seed, language)
            row = (await self._run(_read_chat, place)).one()
        chat = _chat(row)
        if chat.kind is ChatKind.PRIVATE and chat.language != language:
            await self._run(_change_language, {"chat": chat.id, "new": language})
            chat = replace(chat, language=language)
        return chat

    async def chat_by_id(self, chat_id: int) -> Chat:
        """Return a chat with its current dialogue.

        Raises:
            StorageError: there is no such chat; its person may have been forgotten.
        """
        row = (await self._run(_read_chat_by_id, {"chat": chat_id})).one_or_none()
        if row is None:
            raise StorageError(f"chat {chat_id} is not in the log")
        return _chat(row)

    async def set_settings(self, chat: Chat, settings: dict[str, str]) -> Chat:
        """Replace what people changed in the chat."""
        await self._run(_change_settings, {"chat": chat.id, "new": settings})
        return replace(chat, settings=settings)

    async def set_active(self, chat_id: int, is_active: bool) -> None:
        """Note whether the bot may write to the chat."""
        await self._run(_change_activity, {"chat": chat_id, "new": is_active})

    async def _make_chat(self, place: dict[str, str], kind: ChatKind, seed: str, language: str) -> None:
        now = self._clock()
        about = {"kind": kind, "language": language, "settings": {}, "is_active": True, "created_at": now}
        made = (await self._insert_new(chats, {**place, **about})).one_or_none()
        # Nothing is made where another process was faster: its chat has a dialogue already.
        if made is not None:
            await self._run(open_dialogue, new_dialogue_row(made.id, seed, 0, now))


def _chat(row: Row[Any]) -> Chat:
    return Chat(
        id=row.id,
        channel=row.channel,
        external_id=row.external_id,
        kind=ChatKind(row.kind),
        language=row.language,
        seed=row.seed,
        settings=row.settings,
        is_active=row.is_active,
        dialogue_id=row.dialogue_id,
        epoch=row.epoch,
        last_reply=row.last_reply,
    )
