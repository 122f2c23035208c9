"""What everything that happens in one SQL transaction has in common."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import CursorResult, Executable, Table, bindparam, func, select
from sqlalchemy.dialects import postgresql, sqlite

from dialogue.errors import StorageError
from dialogue.turns import Speaker
from storage.log.sql import SqlConnection, translated
from storage.log.tables import dialogues, is_kept, is_open, is_waiting, turns
from storage.log.touching import Touch, touch

Parameters = Mapping[str, Any] | Sequence[Mapping[str, Any]]

_said = turns.alias()
last_reply = (
    select(_said.c.reply_id)
    .where(
        _said.c.dialogue_id == dialogues.c.id,
        _said.c.dropped_at.is_(None),
        _said.c.position.is_not(None),
        _said.c.speaker == Speaker.BOT,
    )
    .order_by(_said.c.position.desc())
    .limit(1)
    .scalar_subquery()
)
"""The id of the last reply in the transcript of a row of `dialogues`."""

_lock_dialogues = (
    select(dialogues.c.id).where(dialogues.c.id.in_(bindparam("ids", expanding=True))).order_by(dialogues.c.id)
).with_for_update(key_share=True)  # Whoever only refers to the dialogue need not wait.

_find_open = select(dialogues.c.id).where(dialogues.c.chat_id == bindparam("chat_id"), is_open)

_read_open = select(
    dialogues.c.id,
    dialogues.c.seed,
    dialogues.c.epoch,
    func.coalesce(last_reply, "").label("last_reply"),
    select(func.count()).where(turns.c.dialogue_id == dialogues.c.id, is_waiting).scalar_subquery().label("waiting"),
).where(dialogues.c.chat_id == bindparam("chat_id"), is_open)

_read_last_place = select(func.coalesce(func.max(turns.c.position), 0)).where(
    turns.c.dialogue_id == bindparam("dialogue_id"), is_kept
)


@dataclass(frozen=True, slots=True)
class OpenDialogue:
    """The open dialogue of a chat as it is now, whatever a caller's `Chat` says.

    Args:
        waiting: how many messages of it have no answer yet.
    """

    id: str
    seed: str
    epoch: int
    last_reply: str
    waiting: int


class Transaction:
    """One open transaction, and the clock that dates what happens in it."""

    def __init__(self, connection: SqlConnection, clock: Callable[[], float]) -> None:
        self._connection = connection
        self._clock = clock
        self._touched: defaultdict[str, Touch] = defaultdict(Touch)

    async def settle(self) -> None:
        """Bring up to date what follows from all that was written; the last thing to do before the commit."""
        if not self._touched:
            return
        ids = sorted(self._touched)
        await self._lock(ids)
        now = self._clock()
        await self._run(touch, [self._touched[id].parameters(id, now) for id in ids])

    def _touch(self, dialogue_id: str) -> Touch:
        """Note that turns of the dialogue have changed."""
        return self._touched[dialogue_id]

    async def _run(self, statement: Executable, parameters: Parameters | None = None) -> CursorResult[Any]:
        with translated():
            return await self._connection.execute(statement, parameters)

    async def _insert_new(self, table: Table, rows: Parameters) -> CursorResult[Any]:
        """Insert the rows that break no unique constraint; return the primary keys of these."""
        return await self._run(_insert_new(table, self._connection.dialect.name), rows)

    async def _open_dialogue(self, chat_id: int) -> OpenDialogue:
        row = (await self._run(_read_open, {"chat_id": chat_id})).one_or_none()
        if row is None:
            raise StorageError(f"chat {chat_id} is not in the log")
        return OpenDialogue(row.id, row.seed, row.epoch, row.last_reply, row.waiting)

    async def _locked_dialogue(self, chat_id: int) -> OpenDialogue:
        """Return the open dialogue, which nobody else changes until this transaction ends."""
        found = (await self._run(_find_open, {"chat_id": chat_id})).scalars().all()
        await self._lock(found)
        # Read again: while we waited for the lock, its holder may have changed everything.
        return await self._open_dialogue(chat_id)

    async def _lock(self, dialogue_ids: Sequence[str]) -> None:
        # In the order of the ids, so that two transactions never wait for each other. SQLite has its one lock already.
        if self._connection.dialect.name != "sqlite" and dialogue_ids:
            await self._run(_lock_dialogues, {"ids": list(dialogue_ids)})

    async def _last_place(self, dialogue_id: str) -> int:
        return int((await self._run(_read_last_place, {"dialogue_id": dialogue_id})).scalar_one())


@cache
def _insert_new(table: Table, dialect: str) -> Executable:
    insert = sqlite.insert if dialect == "sqlite" else postgresql.insert
    return insert(table).on_conflict_do_nothing().returning(*table.primary_key)
