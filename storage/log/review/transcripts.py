"""A dialogue with everything about it: its turns, notes, what operators did, and how each reply came about."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from sqlalchemy import Row, bindparam, exists, func, select

from dialogue.turns import Dialogue, Sampling, Speaker, Turn
from storage.log.review.chronology import Knowledge, in_order
from storage.log.review.inbox import Inbox
from storage.log.review.judgements import Judgements
from storage.log.tables import (
    answers,
    audit,
    chats,
    dialogues,
    generations,
    is_waiting,
    notes,
    operators,
    outbox,
    replies,
    turns,
)
from storage.records import Author, SendState
from storage.reviewed import Deed, Draw, Note, ReviewedDialogue, WaitingWords

_DEEDS = 100

_this: Any = bindparam("dialogue")
_read_turns = select(turns).where(turns.c.dialogue_id == _this).order_by(turns.c.id)
_read_notes = (
    select(notes, operators.c.name.label("operator"))
    .outerjoin(operators, operators.c.id == notes.c.operator_id)
    .where(notes.c.dialogue_id == _this)
    .order_by(notes.c.id)
)
_read_deeds = select(audit).where(audit.c.dialogue_id == _this).order_by(audit.c.id.desc()).limit(_DEEDS)
_read_draws = (
    select(generations, turns.c.dialogue_id)
    .join_from(turns, generations, generations.c.reply_id == turns.c.reply_id)
    .where(turns.c.id == bindparam("turn"))
    .order_by(generations.c.number)
)
_took_s = select(func.sum(generations.c.duration_s)).where(generations.c.reply_id == replies.c.id).scalar_subquery()
_read_turn = (
    select(
        turns,
        replies.c.ask.label("asked"),
        replies.c.created_at.label("written_at"),
        func.coalesce(_took_s, 0.0).label("took_s"),
    )
    .join_from(turns, replies, replies.c.id == turns.c.reply_id)
    .where(turns.c.id == bindparam("turn"))
)
_read_answers = (
    select(answers).join_from(turns, answers, answers.c.turn_id == turns.c.id).where(turns.c.dialogue_id == _this)
)

_read_waiting = (
    select(turns.c.text, dialogues.c.seed, chats.c.settings)
    .join_from(turns, dialogues, dialogues.c.id == turns.c.dialogue_id)
    .join(chats, chats.c.id == dialogues.c.chat_id)
    .where(turns.c.dialogue_id == _this, is_waiting, turns.c.ask == "say")
    .order_by(turns.c.id)
)

_is_on_its_way = select(
    exists().where(
        outbox.c.dialogue_id == _this,
        outbox.c.state == SendState.SENDING,
        outbox.c.turn_id == turns.c.id,
        turns.c.author == Author.MODEL,
    )
)


class Transcripts(Inbox, Judgements):
    """Dialogues to be read."""

    async def dialogue(self, dialogue_id: str) -> ReviewedDialogue | None:
        """Return a dialogue with everything about it; None where it is gone."""
        found = await self.dialogue_row(dialogue_id)
        if found is None:
            return None
        row, shown = found
        key = {"dialogue": dialogue_id}
        said = (await self._run(_read_turns, key)).all()
        is_claimed = row.claimed_until is not None and row.claimed_until > self._clock()
        return ReviewedDialogue(
            row=shown,
            turns=await self._judged(dialogue_id, in_order(said)),
            notes=tuple(
                Note(each.id, each.operator or "", each.text, each.created_at)
                for each in await self._run(_read_notes, key)
            ),
            deeds=tuple(deed(each) for each in await self._run(_read_deeds, key)),
            claimed_by=row.claimed_by if is_claimed else None,
            claimed_until=row.claimed_until if is_claimed else None,
            assignee_id=row.assignee_id,
            touched_at=row.touched_at,
        )

    async def draws(self, turn_id: int) -> list[Draw]:
        """Return how a turn of the model came about, the draw it was made of last."""
        return [_draw(row) for row in await self._run(_read_draws, {"turn": turn_id})]

    async def said_before(self, turn_id: int) -> tuple[Dialogue, str] | None:
        """Return what the model was given to write a turn, and what was asked of it; None for other turns.

        What was taken back later is part of it, and what was taken back before is not.
        """
        written = (await self._run(_read_turn, {"turn": turn_id})).one_or_none()
        if written is None or written.author != Author.MODEL:
            return None
        key = {"dialogue": written.dialogue_id}
        said = (await self._run(_read_turns, key)).all()
        answered: defaultdict[str, list[int]] = defaultdict(list)
        for row in await self._run(_read_answers, key):
            answered[row.reply_id].append(row.turn_id)
        rows = Knowledge(said, answered).given(written, written.written_at - written.took_s)
        return Dialogue(tuple(Turn(Speaker(row.speaker), row.text) for row in rows)), written.asked

    async def waiting_words(self, dialogue_id: str) -> list[WaitingWords]:
        """Return what waits for an answer in a dialogue, oldest first."""
        rows = await self._run(_read_waiting, {"dialogue": dialogue_id})
        return [WaitingWords(row.text, row.seed, row.settings) for row in rows]

    async def is_reply_on_its_way(self, dialogue_id: str) -> bool:
        """Say whether a message that the model wrote is being sent at this moment."""
        return bool((await self._run(_is_on_its_way, {"dialogue": dialogue_id})).scalar_one())

    async def deeds(self, before: int | None = None, limit: int = 100) -> list[Deed]:
        """Return what operators did, the newest first; `before` is the id of the last deed of the page before."""
        statement = select(audit).order_by(audit.c.id.desc()).limit(limit)
        if before is not None:
            statement = statement.where(audit.c.id < before)
        return [deed(row) for row in await self._run(statement)]


def deed(row: Row[Any]) -> Deed:
    """Return what a row of the audit log says."""
    return Deed(
        row.id,
        row.at,
        row.operator,
        row.action,
        row.dialogue_id or "",
        row.turn_id,
        row.before,
        row.after,
        row.undone_at is not None,
    )


def _draw(row: Row[Any]) -> Draw:
    return Draw(
        number=row.number,
        seed=row.seed,
        seed_hash=row.seed_hash,
        prompt_hash=row.prompt_hash,
        model=row.model,
        revision=row.revision,
        sampling=Sampling(**row.sampling),
        draw=row.draw,
        text=row.text,
        stop=row.stop,
        prompt_tokens=row.prompt_tokens,
        reused_tokens=row.reused_tokens,
        new_tokens=row.new_tokens,
        queued_s=row.queued_s,
        first_token_s=row.first_token_s,
        duration_s=row.duration_s,
        likelihood=row.likelihood,
    )
