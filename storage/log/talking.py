"""What people say and ask, and how they call it off."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import replace
from itertools import count

from sqlalchemy import bindparam, insert, null, select, update

from dialogue.errors import NothingToRetry, TooManyWaiting
from dialogue.turns import Ask, Outcome
from storage.log.places import new_dialogue_row, open_dialogue
from storage.log.tables import dialogues, is_kept, is_waiting, replies, turns
from storage.log.transaction import OpenDialogue, Transaction
from storage.log.turn_rows import asked_row, reply_row
from storage.log.waiting import read_waiting, waiting_message
from storage.records import Asked, Author, Chat, Person, TurnState

_insert_turn = insert(turns).returning(turns.c.id)
_insert_reply = insert(replies)

_find_same_ask = select(turns.c.id, turns.c.created_at).where(
    turns.c.dialogue_id == bindparam("dialogue"), turns.c.ask == bindparam("ask"), is_waiting
)
_read_waiting = (
    select(turns.c.id, turns.c.ask).where(turns.c.dialogue_id == bindparam("dialogue"), is_waiting).order_by(turns.c.id)
)
_read_last_author = (
    select(turns.c.author)
    .where(turns.c.dialogue_id == bindparam("dialogue"), is_kept, turns.c.position.is_not(None))
    .order_by(turns.c.position.desc())
    .limit(1)
)
_find_said = (
    select(turns.c.id)
    .where(turns.c.dialogue_id == bindparam("dialogue"), turns.c.external_id == bindparam("external"))
    .limit(1)
)
_read_waiting_in = read_waiting.where(turns.c.dialogue_id.in_(bindparam("dialogues", expanding=True)))
_cancel = (
    update(turns).where(turns.c.id == bindparam("turn")).values(state=TurnState.CANCELLED, position=bindparam("place"))
)
_next_epoch = update(dialogues).where(dialogues.c.id == bindparam("dialogue")).values(epoch=dialogues.c.epoch + 1)
_close = (
    update(dialogues)
    .where(dialogues.c.id == bindparam("dialogue"))
    .values(closed_at=bindparam("now"), claimed_by=null(), claimed_until=null(), human_wanted_at=null())
)


class Talking(Transaction):
    """Messages as they come in, and the dialogues that they belong to."""

    async def say(self, chat: Chat, person: Person, text: str, external_id: str = "", max_waiting: int = 20) -> Asked:
        """Keep a message that wants an answer.

        Args:
            external_id: the channel's id of the message; by it an edit finds the message again.

        Raises:
            TooManyWaiting: so many wait already that no more are taken.
        """
        dialogue = await self._open_dialogue(chat.id)
        if dialogue.waiting >= max_waiting:
            raise TooManyWaiting(max_waiting)
        return await self._insert_asked(chat, person, dialogue, Ask.SAY, text, external_id)

    async def was_said(self, chat: Chat, external_id: str) -> bool:
        """Say whether the chat's dialogue has a message of this id of the channel, also one that was taken back."""
        await self._lock([chat.dialogue_id])
        said = {"dialogue": chat.dialogue_id, "external": external_id}
        return (await self._run(_find_said, said)).first() is not None

    async def ask(self, chat: Chat, person: Person, ask: Ask) -> Asked:
        """Keep a wish for another version of the last reply, or for more of it; one that waits already is the same.

        Raises:
            NothingToRetry: the last word was an operator's, of which the model knows no other version.
        """
        dialogue = await self._open_dialogue(chat.id)
        if (await self._run(_read_last_author, {"dialogue": dialogue.id})).scalar_one_or_none() == Author.OPERATOR:
            raise NothingToRetry("the last word was an operator's")
        same = (await self._run(_find_same_ask, {"dialogue": dialogue.id, "ask": ask})).first()
        if same is not None:
            return asked(chat, dialogue, same.id, ask, "", same.created_at)
        return await self._insert_asked(chat, person, dialogue, ask, "", "")

    async def waiting_in(self, dialogue_ids: Sequence[str]) -> list[Asked]:
        """Return all that waits for an answer of the bot in these dialogues, oldest first."""
        key = {"dialogues": list(dialogue_ids), "now": self._clock()}
        return [waiting_message(row) for row in await self._run(_read_waiting_in, key)]

    async def interrupt(self, chat: Chat) -> tuple[Chat, int]:
        """Call off what waits for an answer: it stays in the transcript as said.

        Returns:
            the chat in its new epoch, and how many messages waited.
        """
        dialogue, waiting = await self._interrupt(chat.id)
        return current(chat, dialogue), len(waiting)

    async def new_dialogue(self, chat: Chat, seed: str | None = None) -> Chat:
        """Close the chat's dialogue and open another, with another seed if one is named."""
        closed = await self._close_dialogue(chat.id)
        row = new_dialogue_row(chat.id, seed or closed.seed, closed.epoch, self._clock())
        await self._run(open_dialogue, row)
        return replace(chat, dialogue_id=row["id"], seed=row["seed"], epoch=row["epoch"], last_reply="")

    async def greet(self, chat: Chat, text: str) -> str:
        """Make the seed's greeting the bot's turn; return the id of that turn."""
        dialogue = await self._locked_dialogue(chat.id)
        now = self._clock()
        reply_id = secrets.token_hex(16)
        reply = {"id": reply_id, "dialogue_id": dialogue.id, "created_at": now}
        await self._run(_insert_reply, {**reply, "ask": Ask.SAY, "outcome": Outcome.ANSWERED, "is_stale": False})
        place = await self._last_place(dialogue.id) + 1
        row = reply_row(dialogue.id, Author.SEED, text, reply_id, now, place)
        self._touch(dialogue.id)
        return str((await self._run(_insert_turn, row)).scalar_one())

    async def _insert_asked(
        self, chat: Chat, person: Person, dialogue: OpenDialogue, ask: Ask, text: str, external_id: str
    ) -> Asked:
        now = self._clock()
        row = asked_row(dialogue.id, person, ask, text, external_id, now)
        turn_id = (await self._run(_insert_turn, row)).scalar_one()
        self._touch(dialogue.id).messages += ask is Ask.SAY
        return asked(chat, dialogue, turn_id, ask, text, now)

    async def _close_dialogue(self, chat_id: int) -> OpenDialogue:
        dialogue, _ = await self._interrupt(chat_id)
        await self._run(_close, {"dialogue": dialogue.id, "now": self._clock()})
        return dialogue

    async def _interrupt(self, chat_id: int) -> tuple[OpenDialogue, list[int]]:
        """Return the dialogue in its new epoch, and the ids of what waited."""
        dialogue = await self._locked_dialogue(chat_id)
        await self._run(_next_epoch, {"dialogue": dialogue.id})
        self._touch(dialogue.id)
        waiting = (await self._run(_read_waiting, {"dialogue": dialogue.id})).all()
        if waiting:
            places = count(await self._last_place(dialogue.id) + 1)
            # What was asked for without words has no place among the words.
            rows = [{"turn": row.id, "place": next(places) if row.ask == Ask.SAY else None} for row in waiting]
            await self._run(_cancel, rows)
        return replace(dialogue, epoch=dialogue.epoch + 1, waiting=0), [row.id for row in waiting]


def asked(chat: Chat, dialogue: OpenDialogue, turn_id: int, ask: Ask, text: str, at: float) -> Asked:
    """Return a waiting turn as it goes into the dialogue's inbox."""
    return Asked(
        message_id=str(turn_id),
        channel=chat.channel,
        dialogue_id=dialogue.id,
        epoch=dialogue.epoch,
        seed=dialogue.seed,
        settings=chat.settings,
        ask=ask,
        text=text,
        after=dialogue.last_reply,
        at=at,
    )


def current(chat: Chat, dialogue: OpenDialogue) -> Chat:
    """Return the chat with its dialogue as it is now."""
    return replace(
        chat,
        dialogue_id=dialogue.id,
        seed=dialogue.seed,
        epoch=dialogue.epoch,
        last_reply=dialogue.last_reply,
    )
