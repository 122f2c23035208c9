"""A person's right to be forgotten: everything that was said by them and to them is deleted, not hidden."""

from __future__ import annotations

import json

from sqlalchemy import bindparam, delete, null, or_, select, update

from storage.log.scrubbing import note_erasure
from storage.log.tables import answers, audit, chats, dialogues, is_pending, notes, people, replies, turns, updates
from storage.log.transaction import Transaction
from storage.records import ChatKind

_find_person = select(people.c.id).where(
    people.c.channel == bindparam("channel"), people.c.external_id == bindparam("external_id")
)
_own_turns = select(turns.c.id).where(turns.c.person_id == bindparam("person"))
_find_dialogues = (
    select(dialogues.c.id, dialogues.c.chat_id, chats.c.kind)
    .join(chats)
    .where(
        or_(
            dialogues.c.id.in_(select(turns.c.dialogue_id).where(turns.c.person_id == bindparam("person"))),
            # A private chat is the person's own, also where nothing was said in it yet.
            (chats.c.channel == bindparam("channel"))
            & (chats.c.external_id == bindparam("external_id"))
            & (chats.c.kind == ChatKind.PRIVATE),
        )
    )
)
# Everything that hangs on these rows goes with them: dialogues, turns, generations, what is to be sent.
_erase_chats = delete(chats).where(chats.c.id.in_(bindparam("chats", expanding=True)))
_erase_replies = delete(replies).where(
    replies.c.id.in_(select(answers.c.reply_id).where(answers.c.turn_id.in_(_own_turns)))
)
_erase_turns = delete(turns).where(turns.c.person_id == bindparam("person"))
_erase_person = delete(people).where(people.c.id == bindparam("person"))
_next_epoch = (
    update(dialogues).where(dialogues.c.id.in_(bindparam("ids", expanding=True))).values(epoch=dialogues.c.epoch + 1)
)

# That something was done stays on record, without the words that it was done to.
_erase_words = (
    update(audit).where(audit.c.dialogue_id.in_(bindparam("ids", expanding=True))).values(before=null(), after=null())
)
# What operators noted about a group may be about its member who wants to be forgotten.
_erase_notes = delete(notes).where(notes.c.dialogue_id.in_(bindparam("ids", expanding=True)))

_read_pending = select(updates.c.bot_id, updates.c.update_id, updates.c.payload).where(is_pending)
_erase_update = (
    update(updates)
    .where(updates.c.bot_id == bindparam("bot"), updates.c.update_id == bindparam("update"))
    .values(handled_at=bindparam("now"), payload=null())
)


class Erasure(Transaction):
    """What has to go when a person says so.

    Args:
        has_erased: True once the transaction erased somebody; what the files still hold of it is then to be scrubbed.
    """

    has_erased = False

    async def forget(self, channel: str, external_id: str) -> list[str]:
        """Erase a person: private chats wholly; in groups their messages, the replies to them and how these came about.

        Their updates that were not handled yet are erased too.

        Returns:
            the ids of the dialogues that were erased or changed; live state must forget these.
        """
        key = {"channel": channel, "external_id": external_id}
        person = {"person": (await self._run(_find_person, key)).scalar_one_or_none()}
        touched = (await self._run(_find_dialogues, key | person)).all()
        await self._lock([row.id for row in touched])
        await self._run(_erase_chats, {"chats": list({row.chat_id for row in touched if row.kind == ChatKind.PRIVATE})})
        await self._run(_erase_replies, person)
        await self._run(_erase_turns, person)
        # A reply that is being written for them in a group must not come.
        await self._run(_next_epoch, {"ids": [row.id for row in touched if row.kind != ChatKind.PRIVATE]})
        await self._run(_erase_words, {"ids": [row.id for row in touched]})
        await self._run(_erase_notes, {"ids": [row.id for row in touched]})
        await self._run(_erase_person, person)
        await self._erase_updates(external_id)
        await note_erasure(self._connection)
        self.has_erased = True
        return [row.id for row in touched]

    async def _erase_updates(self, external_id: str) -> None:
        now = self._clock()
        sent = [
            {"bot": row.bot_id, "update": row.update_id, "now": now}
            for row in await self._run(_read_pending)
            if _is_from(row.payload, external_id)
        ]
        if sent:
            await self._run(_erase_update, sent)


def _is_from(payload: str, external_id: str) -> bool:
    """Say whether an update of Telegram, whatever its kind, was sent by that user."""
    parts = (part for part in json.loads(payload).values() if isinstance(part, dict))
    senders = (part.get("from") or part.get("user") for part in parts)
    return any(isinstance(sender, dict) and str(sender.get("id")) == external_id for sender in senders)
