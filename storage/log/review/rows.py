"""Dialogues as the inbox shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, func, select

from dialogue.turns import Ask, Speaker
from storage.log.tables import chats, dialogues, labels, operators, turns, verdicts
from storage.log.transaction import Transaction
from storage.records import Author, DialogueStatus
from storage.reviewed import Approval, Flag, Hit, InboxRow

_assignee = operators.alias("assignee")
_holder = operators.alias("holder")
_last = turns.alias("last_turn")
_judged = turns.alias("judged")


def _count(*conditions: ColumnElement[bool]) -> Any:
    return (
        select(func.count())
        .select_from(_judged.outerjoin(verdicts, verdicts.c.turn_id == _judged.c.id))
        .where(
            _judged.c.dialogue_id == dialogues.c.id,
            _judged.c.author == Author.MODEL,
            _judged.c.dropped_at.is_(None),
            *conditions,
        )
        .scalar_subquery()
    )


_last_person = (
    select(_judged.c.speaker_name)
    .where(_judged.c.dialogue_id == dialogues.c.id, _judged.c.speaker == Speaker.PERSON, _judged.c.ask == Ask.SAY)
    .order_by(_judged.c.id.desc())
    .limit(1)
    .scalar_subquery()
)

read_dialogues: Select[Any] = (
    select(
        dialogues,
        chats.c.channel,
        chats.c.external_id,
        _assignee.c.name.label("assignee"),
        _holder.c.name.label("holder"),
        _last.c.text.label("last_text"),
        _last.c.author.label("last_author"),
        _last_person.label("person"),
        _count().label("replies"),
        _count(
            verdicts.c.rating.is_(None) | (verdicts.c.rating == ""),
            verdicts.c.correction.is_(None) | (verdicts.c.correction == ""),
        ).label("to_review"),
    )
    .join_from(dialogues, chats)
    .outerjoin(_assignee, _assignee.c.id == dialogues.c.assignee_id)
    .outerjoin(_holder, _holder.c.id == dialogues.c.claimed_by)
    .outerjoin(_last, _last.c.id == dialogues.c.last_turn_id)
)
"""Reads dialogues with what the inbox shows of them; each row is for `Rows._shown`."""


class Rows(Transaction):
    """Dialogues as the inbox shows them."""

    async def dialogue_row(self, dialogue_id: str) -> tuple[Row[Any], InboxRow] | None:
        """Return one dialogue as the inbox shows it; None where it is gone."""
        row = (await self._run(read_dialogues.where(dialogues.c.id == dialogue_id))).one_or_none()
        if row is None:
            return None
        (shown,) = await self._shown([row])
        return row, shown

    async def _shown(self, rows: Sequence[Row[Any]], hits: Mapping[str, Hit] | None = None) -> tuple[InboxRow, ...]:
        """Return rows of `read_dialogues` as they are shown.

        Args:
            hits: what was found in them, by the ids of the dialogues.
        """
        filed: dict[str, list[str]] = {}
        if rows:
            statement = select(labels).where(labels.c.dialogue_id.in_([row.id for row in rows]))
            for row in await self._run(statement.order_by(labels.c.label)):
                filed.setdefault(row.dialogue_id, []).append(row.label)
        now = self._clock()
        return tuple(_inbox_row(row, filed.get(row.id, []), (hits or {}).get(row.id), now) for row in rows)


def _inbox_row(row: Row[Any], filed: Sequence[str], hit: Hit | None, now: float) -> InboxRow:
    is_claimed = row.claimed_until is not None and row.claimed_until > now
    flagged = {
        Flag.RETRIED: row.retries > 0,
        Flag.DISLIKED: row.dislikes > 0,
        Flag.FAILED: row.failures > 0,
        Flag.HUMAN: row.human_wanted_at is not None,
        Flag.CLAIMED: is_claimed,
    }
    return InboxRow(
        dialogue_id=row.id,
        channel=row.channel,
        seed=row.seed,
        model=row.model,
        person=row.person or "",
        person_id=row.external_id,
        status=DialogueStatus(row.status),
        snoozed_until=row.snoozed_until,
        approval=Approval(row.approval),
        assignee=row.assignee or "",
        holder=(row.holder or "") if is_claimed else "",
        labels=tuple(filed),
        flags=tuple(flag for flag, is_set in flagged.items() if is_set),
        messages=row.messages,
        replies=row.replies,
        to_review=row.to_review,
        likelihood=row.likelihood,
        last_text=row.last_text or "",
        last_author=row.last_author and Author(row.last_author),
        last_at=row.last_at,
        is_closed=row.closed_at is not None,
        hit=hit,
    )
