"""Replies of the model that nobody was sent: taken back where an operator has the dialogue.

What they answered waits again, for the operator or, once the dialogue is released, for the bot. It loses its place:
what was called off or failed behind it comes before it then.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Row, bindparam, insert, null, select, update

from dialogue.turns import Ask
from storage.log.outbox import Outbox
from storage.log.tables import answers, dialogues, is_kept, is_unsent, outbox, replies, turns
from storage.records import Author, SendState, TurnState

_read_unsent: Any = (
    select(
        outbox.c.id,
        outbox.c.state,
        outbox.c.sent_parts,
        outbox.c.dialogue_id,
        outbox.c.turn_id,
        turns.c.reply_id,
        turns.c.replaces,
        turns.c.position,
        turns.c.dropped_at,
    )
    .join(turns, turns.c.id == outbox.c.turn_id)
    .where(is_unsent, turns.c.author == Author.MODEL)
    # The newest first: the version that it replaced comes back, and may have to be taken back itself.
    .order_by(outbox.c.id.desc())
)
_read_pending_in = _read_unsent.where(
    outbox.c.dialogue_id == bindparam("dialogue"), outbox.c.state == SendState.PENDING
)
_read_of_claimed = _read_unsent.join(dialogues, dialogues.c.id == outbox.c.dialogue_id).where(
    outbox.c.id.in_(bindparam("messages", expanding=True)), dialogues.c.claimed_until > bindparam("now")
)

# Only in the state in which it was read: somebody may have begun to send it since.
_drop_message = (
    update(outbox)
    .where(outbox.c.id == bindparam("message"), outbox.c.state == bindparam("known"))
    .values(state=SendState.FAILED, failure="an operator took the dialogue over")
)
_make_stale = update(replies).where(replies.c.id == bindparam("reply")).values(is_stale=True)
_drop_turn = update(turns).where(turns.c.id == bindparam("turn")).values(dropped_at=bindparam("now"))
_restore_turn = update(turns).where(turns.c.id == bindparam("turn")).values(dropped_at=null())

_answered = select(answers.c.turn_id).where(answers.c.reply_id == bindparam("reply"))
_answered_before = select(answers.c.turn_id).where(
    answers.c.reply_id == select(turns.c.reply_id).where(turns.c.id == bindparam("replaced")).scalar_subquery()
)
_wait_again = (
    update(turns)
    .where(turns.c.id.in_(_answered), turns.c.ask == Ask.SAY, is_kept)
    .values(state=TurnState.WAITING, position=null())
)
_wish_again = (
    update(turns)
    .where(turns.c.id.in_(_answered), turns.c.id.not_in(_answered_before), turns.c.ask != Ask.SAY)
    .values(state=TurnState.WAITING)
)
_find_operators_words = (
    select(turns.c.reply_id)
    .where(
        turns.c.dialogue_id == bindparam("dialogue"),
        turns.c.position > bindparam("place"),
        turns.c.author == Author.OPERATOR,
        is_kept,
    )
    .order_by(turns.c.position)
    .limit(1)
)
_hand_answers_on = insert(answers).from_select(
    ["reply_id", "turn_id"],
    select(bindparam("new", type_=answers.c.reply_id.type), answers.c.turn_id).where(
        answers.c.reply_id == bindparam("reply")
    ),
)
_read_places = (
    select(turns.c.id, turns.c.position)
    .where(turns.c.dialogue_id == bindparam("dialogue"), is_kept, turns.c.position.is_not(None))
    .order_by(turns.c.position)
)
_place = update(turns).where(turns.c.id == bindparam("turn")).values(position=bindparam("place"))


class Withdrawing(Outbox):
    """The outbox, where operators may have dialogues."""

    async def mark_sending(self, ids: Sequence[int]) -> set[int]:
        """Note that messages are about to be sent: from here on a crash may have them sent twice.

        Returns:
            those that are still to be sent: not what another process has sent meanwhile, nor what was erased, nor what
            the model wrote where an operator has the dialogue now.
        """
        await self._withdraw_if_claimed(ids)
        return await super().mark_sending(ids)

    async def mark_unsent(self, id: int) -> None:
        """Note that a message is certainly not sent: the channel wants to be asked again later."""
        await super().mark_unsent(id)
        await self._withdraw_if_claimed([id])

    async def _withdraw_pending(self, dialogue_id: str) -> None:
        """Take back what is not on its way yet."""
        await self._withdraw((await self._run(_read_pending_in, {"dialogue": dialogue_id})).all())

    async def _withdraw_if_claimed(self, ids: Sequence[int]) -> None:
        if ids:
            key = {"messages": list(ids), "now": self._clock()}
            await self._withdraw((await self._run(_read_of_claimed, key)).all())

    async def _withdraw(self, rows: Sequence[Row[Any]]) -> None:
        await self._lock(sorted({row.dialogue_id for row in rows}))
        restored: set[int] = set()
        for row in rows:
            dropped = await self._run(_drop_message, {"message": row.id, "known": row.state})
            # What was sent in part was said; only the rest of it does not come.
            if dropped.rowcount == 0 or row.sent_parts:
                continue
            await self._run(_make_stale, {"reply": row.reply_id})
            # Nothing hangs on a reply any more that was undone, or replaced by one that is on its way.
            if row.dropped_at is None or row.turn_id in restored:
                restored.update(await self._unsay(row))
        for dialogue_id in sorted({row.dialogue_id for row in rows}):
            await self._close_gaps(dialogue_id)
            self._touch(dialogue_id)

    async def _unsay(self, row: Row[Any]) -> Iterable[int]:
        """Drop a turn; return the turn that stands in its place again."""
        key = {"dialogue": row.dialogue_id, "place": row.position}
        words = (await self._run(_find_operators_words, key)).scalar_one_or_none()
        await self._run(_drop_turn, {"turn": row.turn_id, "now": self._clock()})
        if row.replaces is not None:
            await self._run(_restore_turn, {"turn": row.replaces})
            if words is None:
                await self._run(_wish_again, {"reply": row.reply_id, "replaced": row.replaces})
            return [row.replaces]
        if words is None:
            await self._run(_wait_again, {"reply": row.reply_id})
        else:
            # The operator has written since, and nobody waits any more.
            await self._run(_hand_answers_on, {"reply": row.reply_id, "new": words})
        return []

    async def _close_gaps(self, dialogue_id: str) -> None:
        rows = (await self._run(_read_places, {"dialogue": dialogue_id})).all()
        moved = [{"turn": row.id, "place": place} for place, row in enumerate(rows, 1) if row.position != place]
        # One after the other, from the front: no two turns are ever in one place.
        for each in moved:
            await self._run(_place, each)
