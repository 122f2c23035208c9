"""What people think of a reply: a thumb under it, or a reaction; the last one counts."""

from __future__ import annotations

from sqlalchemy import bindparam, delete, func, insert, or_, select, update

from storage.log.tables import chats, dialogues, outbox, outbox_parts, thumbs, turns
from storage.log.transaction import Transaction
from storage.records import Author, Chat, Person

_is_a_reply = turns.c.author.in_([Author.MODEL, Author.OPERATOR])
_find_turn = (
    select(turns.c.id, turns.c.dialogue_id)
    .join(dialogues, dialogues.c.id == turns.c.dialogue_id)
    .where(turns.c.id == bindparam("turn"), dialogues.c.chat_id == bindparam("chat"), _is_a_reply)
)
_place = bindparam("place", type_=chats.c.external_id.type)
_find_by_message = (
    select(dialogues.c.chat_id, outbox.c.turn_id)
    .join_from(outbox_parts, outbox)
    .join(turns, turns.c.id == outbox.c.turn_id)
    .join(dialogues, dialogues.c.id == outbox.c.dialogue_id)
    .join(chats)
    .where(
        outbox_parts.c.external_id == bindparam("external"),
        chats.c.channel == bindparam("channel"),
        # The topics of a forum are chats of their own, but Telegram does not say in which of them somebody reacted.
        or_(chats.c.external_id == _place, chats.c.external_id.startswith(_place + ":")),
        _is_a_reply,
    )
    .order_by(outbox.c.id.desc())
    .limit(1)
)
_withdraw = delete(thumbs).where(thumbs.c.turn_id == bindparam("turn"), thumbs.c.person_id == bindparam("person"))
_withdraw_one_way = _withdraw.where(thumbs.c.source == bindparam("source"))
_read_thumb = select(thumbs.c.is_up).where(
    thumbs.c.turn_id == bindparam("turn"),
    thumbs.c.person_id == bindparam("person"),
    thumbs.c.source == bindparam("source"),
)
_dislikes = (
    select(func.count())
    .select_from(thumbs)
    .join(turns, turns.c.id == thumbs.c.turn_id)
    .where(turns.c.dialogue_id == dialogues.c.id, ~thumbs.c.is_up)
    .scalar_subquery()
)
_count = update(dialogues).where(dialogues.c.id == bindparam("dialogue")).values(dislikes=_dislikes)


class Thumbs(Transaction):
    """Thumbs of people."""

    async def thumb(self, chat: Chat, person: Person, turn_id: int, is_up: bool | None, source: str) -> bool:
        """Keep what a person thinks of a reply in a chat; None takes back what was said in the same way.

        Args:
            source: where it was said: `button` or `reaction`.

        Returns:
            False where there is no such reply in that chat.
        """
        turn = (await self._run(_find_turn, {"turn": turn_id, "chat": chat.id})).one_or_none()
        if turn is None:
            return False
        # Whoever presses a button twice, fast, is in two transactions at once.
        await self._lock([turn.dialogue_id])
        key = {"turn": turn_id, "person": person.id}
        if is_up is None:
            # Whoever has pressed a button since their reaction means what the button says.
            await self._run(_withdraw_one_way, {**key, "source": source})
        else:
            await self._run(_withdraw, key)
            row = {"turn_id": turn_id, "person_id": person.id, "is_up": is_up, "source": source}
            await self._run(insert(thumbs), {**row, "created_at": self._clock()})
        await self._run(_count, {"dialogue": turn.dialogue_id})
        self._touch(turn.dialogue_id)
        return True

    async def thumb_of(self, person: Person, turn_id: int, source: str) -> bool | None:
        """Return whether a person's thumb is up; None where they gave none, or gave it in another way."""
        key = {"turn": turn_id, "person": person.id, "source": source}
        is_up: bool | None = (await self._run(_read_thumb, key)).scalar_one_or_none()
        return is_up

    async def turn_of_message(self, channel: str, place: str, external_id: str) -> tuple[int, int] | None:
        """Return the ids of the chat and of the reply that a message carries; None where it carries none.

        Args:
            place: the channel's id of the chat; of a forum, without the topic.
            external_id: the channel's id of the message, one of those that the reply became.
        """
        key = {"channel": channel, "place": place, "external": external_id}
        found = (await self._run(_find_by_message, key)).one_or_none()
        return None if found is None else (found.chat_id, found.turn_id)
