"""Messages that wait for an answer, as they go into a dialogue's inbox."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, Select, bindparam, func, or_, select

from dialogue.turns import Ask
from storage.log.tables import chats, dialogues, is_open, is_waiting, turns
from storage.log.transaction import last_reply
from storage.records import Asked

# Where an operator has taken over, messages wait for the operator.
_is_with_bot = or_(dialogues.c.claimed_until.is_(None), dialogues.c.claimed_until <= bindparam("now"))

read_waiting: Select[Any] = (
    select(
        turns.c.id,
        chats.c.channel,
        turns.c.dialogue_id,
        dialogues.c.epoch,
        dialogues.c.seed,
        chats.c.settings,
        turns.c.ask,
        turns.c.text,
        func.coalesce(last_reply, "").label("after"),
        turns.c.created_at,
    )
    .join_from(turns, dialogues)
    .join(chats)
    .where(is_waiting, is_open, _is_with_bot)
    .order_by(turns.c.id)
)
"""Reads what waits for the bot `now`, in open dialogues, oldest first; each row is for `waiting_message`."""


def waiting_message(row: Row[Any]) -> Asked:
    """Return the message of a row of `read_waiting`."""
    return Asked(
        message_id=str(row.id),
        channel=row.channel,
        dialogue_id=row.dialogue_id,
        epoch=row.epoch,
        seed=row.seed,
        settings=row.settings,
        ask=Ask(row.ask),
        text=row.text,
        after=row.after,
        at=row.created_at,
    )
