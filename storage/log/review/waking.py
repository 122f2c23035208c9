"""Dialogues that were put off: open again when their time has come."""

from __future__ import annotations

from typing import Any

from sqlalchemy import bindparam, exists, null, select, update

from storage.log.tables import dialogues
from storage.log.transaction import Transaction
from storage.records import DialogueStatus

_is_due = (dialogues.c.snoozed_until <= bindparam("now")) & (dialogues.c.status == DialogueStatus.SNOOZED)
_wake = (
    update(dialogues).where(_is_due).values(status=DialogueStatus.OPEN, snoozed_until=null()).returning(dialogues.c.id)
)

is_any_due: Any = select(exists().where(_is_due))
"""Says whether there is a dialogue to wake `now`."""


class Waking(Transaction):
    """Dialogues that were snoozed."""

    async def wake_snoozed(self) -> None:
        """Open the dialogues whose time has come."""
        for dialogue_id in (await self._run(_wake, {"now": self._clock()})).scalars().all():
            self._touch(dialogue_id)
