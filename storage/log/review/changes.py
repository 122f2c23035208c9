"""What operators decide about dialogues and turns: written down with what it was before, so that it can be undone.

Every change is a new value of one field. `status`, `snoozed_until`, `approval`, `assignee_id` and `labels` are fields
of a dialogue; `rating`, `correction`, `reasons`, `labels` and `note` are fields of a turn, which together are its
verdict.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Row, bindparam, delete, insert, select, update

from dialogue.errors import Overtaken, ReviewError
from storage.log.review.audit import Audit
from storage.log.tables import audit, dialogues, labels, notes, operators, turns, verdicts
from storage.operators import Operator
from storage.records import DialogueStatus
from storage.reviewed import Approval, Rating

DIALOGUE_FIELDS = ("status", "snoozed_until", "approval", "assignee_id", "labels")
TURN_FIELDS = ("rating", "correction", "reasons", "labels", "note")

_NOTE = "note_added"
_EMPTY: dict[str, Any] = {"rating": "", "correction": "", "reasons": [], "labels": [], "note": ""}
_CHOICES = {"status": DialogueStatus, "approval": Approval, "rating": Rating}

_this = dialogues.c.id == bindparam("dialogue")
_read_dialogue = select(dialogues).where(_this)
_read_labels = select(labels.c.label).where(labels.c.dialogue_id == bindparam("dialogue"))
_drop_labels = delete(labels).where(labels.c.dialogue_id == bindparam("dialogue"))
_find_turn = select(turns.c.id).where(turns.c.id == bindparam("turn"), turns.c.dialogue_id == bindparam("dialogue"))
_read_verdict = select(verdicts).where(verdicts.c.turn_id == bindparam("turn"))
_read_batch = select(audit).where(audit.c.batch == bindparam("batch")).order_by(audit.c.id.desc())
_find_operator = select(operators.c.id).where(operators.c.id == bindparam("operator"))
_undone = update(audit).where(audit.c.batch == bindparam("undone")).values(undone_at=bindparam("now"))


@dataclass(frozen=True, slots=True)
class Change:
    """One field of a dialogue, or of one of its turns, gets another value.

    Args:
        value: a string, a list of strings, a number or None, as the field has it.
        turn_id: None for a field of the dialogue itself.
    """

    dialogue_id: str
    field: str
    value: Any
    turn_id: int | None = None


class Changes(Audit):
    """Decisions of operators."""

    async def change(self, operator: Operator, changes: Sequence[Change]) -> str:
        """Make changes, all or none.

        Returns:
            what `undo_change` takes to take them back together; empty where everything was so already.

        Raises:
            ReviewError: a dialogue or a turn does not exist (any more), or the field has no such value.
        """
        batch = secrets.token_hex(8)
        await self._lock(sorted({change.dialogue_id for change in changes}))
        rows = []
        for change in [await self._checked(each) for each in changes]:
            before = await self._value(change)
            if before == change.value:
                continue
            await self._set(operator, change)
            rows.append(self._entry(operator, batch, change, before))
        await self._write_down(rows)
        return batch if rows else ""

    async def add_note(self, operator: Operator, dialogue_id: str, text: str) -> str:
        """Leave a note for the other operators; return what `undo_change` takes.

        Raises:
            ReviewError: there is no such dialogue (any more).
        """
        await self._dialogue(dialogue_id)
        row = {"dialogue_id": dialogue_id, "operator_id": operator.id, "text": text, "created_at": self._clock()}
        note_id = (await self._run(insert(notes).returning(notes.c.id), row)).scalar_one()
        batch = secrets.token_hex(8)
        change = Change(dialogue_id, _NOTE, note_id)
        await self._write_down([self._entry(operator, batch, change, None)])
        self._touch(dialogue_id)
        return batch

    async def undo_change(self, operator: Operator, batch: str) -> None:
        """Take back what was changed together.

        Raises:
            Overtaken: somebody has changed one of the values since.
            ReviewError: there is no such batch, it was undone already, or the dialogue is gone.
        """
        rows = (await self._run(_read_batch, {"batch": batch})).all()
        await self._lock(sorted({row.dialogue_id for row in rows if row.dialogue_id}))
        # Read again: while we waited for the lock, somebody else may have undone it.
        rows = (await self._run(_read_batch, {"batch": batch})).all()
        if not rows or any(row.undone_at is not None or not _is_change(row) for row in rows):
            raise ReviewError("there is nothing to undo any more")
        for row in rows:
            await self._undo(operator, row)
        await self._run(_undone, {"undone": batch, "now": self._clock()})
        await self.note_action(operator, "undo", rows[0].dialogue_id)

    async def _undo(self, operator: Operator, row: Row[Any]) -> None:
        if row.action == _NOTE:
            if (await self._run(delete(notes).where(notes.c.id == row.after))).rowcount == 0:
                raise ReviewError("this note is gone: a person may have been forgotten")
            self._touch(row.dialogue_id)
            return
        change = Change(row.dialogue_id, row.action, row.before, row.turn_id)
        if await self._value(change) != row.after:
            raise Overtaken("somebody has changed this since; nothing was undone")
        await self._set(operator, change)

    async def _checked(self, change: Change) -> Change:
        """Return a change as it is kept and compared: lists are sets, in one order.

        Raises:
            ReviewError: there is no such field, or it has no such value.
        """
        if change.field not in (DIALOGUE_FIELDS if change.turn_id is None else TURN_FIELDS):
            raise ReviewError(f"there is no field {change.field!r}")
        choices = _CHOICES.get(change.field)
        if choices is not None and change.value not in list(choices):
            raise ReviewError(f"{change.field}={change.value!r} is none of {[str(each) for each in choices]}")
        if change.field == "assignee_id" and change.value is not None:
            key = {"operator": change.value}
            if (await self._run(_find_operator, key)).one_or_none() is None:
                raise ReviewError(f"there is no operator {change.value}")
        return replace(change, value=sorted(set(change.value))) if isinstance(change.value, list) else change

    async def _value(self, change: Change) -> Any:
        if change.turn_id is None:
            row = await self._dialogue(change.dialogue_id)
            if change.field != "labels":
                return getattr(row, change.field)
            return sorted((await self._run(_read_labels, {"dialogue": change.dialogue_id})).scalars())
        key = {"turn": change.turn_id, "dialogue": change.dialogue_id}
        if (await self._run(_find_turn, key)).one_or_none() is None:
            raise ReviewError("this turn is gone: its person may have been forgotten")
        verdict = (await self._run(_read_verdict, {"turn": change.turn_id})).one_or_none()
        return _EMPTY[change.field] if verdict is None else getattr(verdict, change.field)

    async def _set(self, operator: Operator, change: Change) -> None:
        self._touch(change.dialogue_id)
        if change.turn_id is not None:
            await self._set_verdict(operator, change)
        elif change.field == "labels":
            await self._run(_drop_labels, {"dialogue": change.dialogue_id})
            if change.value:
                await self._run(
                    insert(labels), [{"dialogue_id": change.dialogue_id, "label": label} for label in change.value]
                )
        else:
            statement = update(dialogues).where(_this).values({change.field: bindparam("new")})
            await self._run(statement, {"dialogue": change.dialogue_id, "new": change.value})

    async def _set_verdict(self, operator: Operator, change: Change) -> None:
        row = {"turn_id": change.turn_id, **_EMPTY, "updated_at": self._clock()}
        await self._insert_new(verdicts, [row])
        statement = update(verdicts).where(verdicts.c.turn_id == bindparam("turn"))
        now = self._clock()
        await self._run(
            statement.values({change.field: bindparam("new"), "operator_id": operator.id, "updated_at": now}),
            {"turn": change.turn_id, "new": change.value},
        )

    def _entry(self, operator: Operator, batch: str, change: Change, before: Any) -> dict[str, Any]:
        about = change.dialogue_id, change.turn_id
        return self._deed(operator, change.field, batch, *about, before=before, after=change.value)

    async def _dialogue(self, dialogue_id: str) -> Row[Any]:
        row = (await self._run(_read_dialogue, {"dialogue": dialogue_id})).one_or_none()
        if row is None:
            raise ReviewError("this dialogue is gone: its person may have been forgotten")
        return row


def _is_change(row: Row[Any]) -> bool:
    """Say whether an entry of the audit log can be undone at all: logins and the like cannot."""
    return row.action == _NOTE or row.action in (DIALOGUE_FIELDS if row.turn_id is None else TURN_FIELDS)
