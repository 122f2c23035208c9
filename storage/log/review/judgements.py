"""What is known of each turn of a dialogue besides its words: verdicts, thumbs, and what became of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Row, bindparam, func, select

from dialogue.turns import Outcome
from storage.log.tables import answers, generations, operators, outbox, replies, thumbs, turns, verdicts
from storage.log.transaction import Transaction
from storage.records import Author, TurnState
from storage.reviewed import Rating, ReviewedTurn, Verdict

_this: Any = bindparam("dialogue")
_read_verdicts = (
    select(verdicts, operators.c.name.label("operator"))
    .join_from(turns, verdicts, verdicts.c.turn_id == turns.c.id)
    .outerjoin(operators, operators.c.id == verdicts.c.operator_id)
    .where(turns.c.dialogue_id == _this)
)
_read_thumbs = (
    select(thumbs.c.turn_id, thumbs.c.is_up, func.count().label("many"))
    .join_from(turns, thumbs, thumbs.c.turn_id == turns.c.id)
    .where(turns.c.dialogue_id == _this)
    .group_by(thumbs.c.turn_id, thumbs.c.is_up)
)
_read_deliveries = select(outbox.c.turn_id, outbox.c.state, outbox.c.is_maybe_duplicate).where(
    outbox.c.dialogue_id == _this, outbox.c.turn_id.is_not(None)
)
_read_likelihoods = (
    select(generations.c.reply_id, generations.c.likelihood)
    .join_from(replies, generations)
    .where(replies.c.dialogue_id == _this)
    .order_by(generations.c.id)
)
_read_outcomes = (
    select(answers.c.turn_id, replies.c.outcome)
    .join_from(replies, answers)
    .where(replies.c.dialogue_id == _this, replies.c.outcome != Outcome.ANSWERED, ~replies.c.is_stale)
)


class Judgements(Transaction):
    """Turns with everything about them."""

    async def _judged(self, dialogue_id: str, rows: Iterable[Row[Any]]) -> tuple[ReviewedTurn, ...]:
        """Return rows of turns of a dialogue, in the same order, with all that is known of them."""
        key = {"dialogue": dialogue_id}
        judged = {each.turn_id: _verdict(each) for each in await self._run(_read_verdicts, key)}
        liked = {(each.turn_id, each.is_up): each.many for each in await self._run(_read_thumbs, key)}
        sent = {each.turn_id: each for each in await self._run(_read_deliveries, key)}
        likely = {each.reply_id: each.likelihood for each in await self._run(_read_likelihoods, key)}
        missing = {each.turn_id: each.outcome for each in await self._run(_read_outcomes, key)}
        return tuple(
            ReviewedTurn(
                id=row.id,
                author=Author(row.author),
                name=row.speaker_name,
                text=row.text,
                ask=row.ask,
                version=row.version,
                state=TurnState(row.state),
                at=row.created_at,
                is_shown=row.dropped_at is None,
                replaces=row.replaces,
                reply_id=row.reply_id or "",
                verdict=judged.get(row.id, Verdict()),
                delivery=sent[row.id].state if row.id in sent else "",
                is_maybe_duplicate=row.id in sent and sent[row.id].is_maybe_duplicate,
                thumbs_up=liked.get((row.id, True), 0),
                thumbs_down=liked.get((row.id, False), 0),
                likelihood=likely.get(row.reply_id),
                outcome=missing.get(row.id, ""),
            )
            for row in rows
        )


def _verdict(row: Row[Any]) -> Verdict:
    return Verdict(
        Rating(row.rating), row.correction, tuple(row.reasons), tuple(row.labels), row.note, row.operator or ""
    )
