"""Chats that a channel gives another id, as Telegram does when a group becomes a supergroup."""

from __future__ import annotations

from sqlalchemy import bindparam, delete, select, update

from storage.log.tables import chats, dialogues
from storage.log.talking import Talking

_find_chat = select(chats.c.id).where(
    chats.c.channel == bindparam("channel"), chats.c.external_id == bindparam("external_id")
)
_rename = update(chats).where(chats.c.id == bindparam("chat")).values(external_id=bindparam("new"))
_hand_over = update(dialogues).where(dialogues.c.chat_id == bindparam("chat")).values(chat_id=bindparam("new"))
_remove = delete(chats).where(chats.c.id == bindparam("chat"))


class Moving(Talking):
    """Chats that move."""

    async def move_chat(self, channel: str, old_external_id: str, new_external_id: str) -> None:
        """Give a chat the id that the channel moved it to; do nothing where it has moved already.

        Where people have talked at the new place before the news of the move arrived, that talk goes on, and the old
        place's dialogues become closed ones of the new place.
        """
        old = await self._find(channel, old_external_id)
        if old is None:
            return
        new = await self._find(channel, new_external_id)
        if new is None:
            await self._run(_rename, {"chat": old, "new": new_external_id})
            return
        await self._close_dialogue(old)
        await self._run(_hand_over, {"chat": old, "new": new})
        await self._run(_remove, {"chat": old})

    async def _find(self, channel: str, external_id: str) -> int | None:
        key = {"channel": channel, "external_id": external_id}
        found: int | None = (await self._run(_find_chat, key)).scalar_one_or_none()
        return found
