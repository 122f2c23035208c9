"""A person's right to be forgotten: everything that was said by them and to them is deleted, not hidden."""

from __future__ import annotations

import json

from sqlalchemy import ColumnElement, ScalarSelect, bindparam, delete, exists, func, insert, null, or_, select, update

from dialogue.turns import Ask, Outcome
from storage.log.scrubbing import note_erasure
from storage.log.tables import (
    answers,
    audit,
    chats,
    dialogues,
    forgotten,
    is_pending,
    notes,
    people,
    replies,
    thumbs,
    turns,
    updates,
)
from storage.log.transaction import Transaction
from storage.records import Author, ChatKind, hashed_id

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
_find_thumbed = (
    select(turns.c.dialogue_id)
    .join_from(thumbs, turns, turns.c.id == thumbs.c.turn_id)
    .where(thumbs.c.person_id == bindparam("person"))
    .distinct()
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

# What the model proposed to an operator may quote anybody, and answers nobody's message in particular.
_erase_drafts = delete(replies).where(
    replies.c.dialogue_id.in_(bindparam("ids", expanding=True)),
    replies.c.is_stale,
    ~exists().where(answers.c.reply_id == replies.c.id),
)


_unremember = delete(forgotten).where(forgotten.c.dialogue.in_(bindparam("hashes", expanding=True)))


def _count(*conditions: ColumnElement[bool]) -> ScalarSelect[int]:
    return select(func.count()).where(*conditions).scalar_subquery()


_is_reply_there = (replies.c.dialogue_id == dialogues.c.id) & ~replies.c.is_stale
_recount = (
    update(dialogues)
    .where(dialogues.c.id.in_(bindparam("ids", expanding=True)))
    .values(
        # However often it was reworded, a message has one turn of version 1.
        messages=_count(
            turns.c.dialogue_id == dialogues.c.id,
            turns.c.author == Author.PERSON,
            turns.c.ask == Ask.SAY,
            turns.c.version == 1,
        ),
        retries=_count(_is_reply_there, replies.c.ask == Ask.RETRY, replies.c.outcome == Outcome.ANSWERED),
        failures=_count(_is_reply_there, replies.c.outcome != Outcome.ANSWERED),
        dislikes=_count(turns.c.dialogue_id == dialogues.c.id, thumbs.c.turn_id == turns.c.id, ~thumbs.c.is_up),
    )
)

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
        thumbed = set((await self._run(_find_thumbed, person)).scalars())
        await self._lock(sorted(thumbed.union(row.id for row in touched)))
        await self._run(_erase_chats, {"chats": list({row.chat_id for row in touched if row.kind == ChatKind.PRIVATE})})
        await self._run(_erase_replies, person)
        await self._run(_erase_turns, person)
        # A reply that is being written for them in a group must not come.
        await self._run(_next_epoch, {"ids": [row.id for row in touched if row.kind != ChatKind.PRIVATE]})
        await self._run(_erase_words, {"ids": [row.id for row in touched]})
        await self._run(_erase_person, person)
        await self._tidy([row.id for row in touched if row.kind != ChatKind.PRIVATE], thumbed)
        await self._erase_updates(external_id)
        await self._remember([row.id for row in touched])
        await note_erasure(self._connection)
        self.has_erased = True
        return [row.id for row in touched]

    async def _remember(self, dialogue_ids: list[str]) -> None:
        """Note that something of these dialogues was erased, so that one can tell which exports still hold it."""
        hashes = [hashed_id(each) for each in dialogue_ids]
        await self._run(_unremember, {"hashes": hashes})
        if hashes:
            now = self._clock()
            await self._run(insert(forgotten), [{"dialogue": each, "at": now} for each in hashes])

    async def _tidy(self, spoken_in: list[str], thumbed: set[str]) -> None:
        """Bring up to date what operators see of dialogues that go on without the person."""
        for statement in (_erase_notes, _erase_drafts):
            await self._run(statement, {"ids": spoken_in})
        changed = sorted(thumbed.union(spoken_in))
        await self._run(_recount, {"ids": changed})
        for dialogue_id in changed:
            self._touch(dialogue_id)

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
