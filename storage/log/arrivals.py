"""Updates of a channel: kept before anything else is done with them, handled once."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import bindparam, delete, null, select, tuple_, update

from storage.log import tables
from storage.log.tables import is_pending
from storage.log.transaction import Transaction

# So few at a time that deleting them holds nobody up.
_MOST_DROPPED = 5000

_take = (
    update(tables.updates)
    .where(tables.updates.c.bot_id == bindparam("bot"), tables.updates.c.update_id == bindparam("update"), is_pending)
    .values(handled_at=bindparam("now"), payload=null())
)

read_pending = (
    select(tables.updates.c.update_id, tables.updates.c.payload)
    .where(tables.updates.c.bot_id == bindparam("bot"), is_pending)
    .order_by(tables.updates.c.update_id)
    .limit(bindparam("most"))
)
"""Reads the first updates that are not handled yet."""

_old = (
    select(tables.updates.c.bot_id, tables.updates.c.update_id)
    .where(tables.updates.c.received_at < bindparam("before"), tables.updates.c.handled_at.is_not(None))
    .order_by(tables.updates.c.received_at)
    .limit(_MOST_DROPPED)
)
_drop_old = delete(tables.updates).where(tuple_(tables.updates.c.bot_id, tables.updates.c.update_id).in_(_old))


class Arrivals(Transaction):
    """Updates, from their arrival until they are too old to come again."""

    async def store_updates(self, bot_id: int, updates: Sequence[tuple[int, str]]) -> list[int]:
        """Keep updates as they arrived and return the ids of those that were not known yet, in the given order.

        Args:
            updates: (update id, JSON) of each.
        """
        now = self._clock()
        rows = [
            {"bot_id": bot_id, "update_id": update_id, "payload": payload, "received_at": now}
            for update_id, payload in updates
        ]
        if not rows:
            return []
        stored = {row.update_id for row in await self._insert_new(tables.updates, rows)}
        return [update_id for update_id in dict(updates) if update_id in stored]

    async def pending_updates(self, bot_id: int, limit: int) -> list[tuple[int, str]]:
        """Return (update id, JSON) of updates not handled yet, by update id, those of this transaction included."""
        rows = await self._run(read_pending, {"bot": bot_id, "most": limit})
        return [(row.update_id, row.payload) for row in rows]

    async def take_update(self, bot_id: int, update_id: int) -> bool:
        """Mark an update as handled and erase its content; False where it was handled already."""
        taken = await self._run(_take, {"bot": bot_id, "update": update_id, "now": self._clock()})
        return taken.rowcount == 1

    async def drop_old_updates(self, older_than_s: float) -> int:
        """Delete the oldest handled updates that arrived longer ago; return how many, 0 once there are no more."""
        return (await self._run(_drop_old, {"before": self._clock() - older_than_s})).rowcount
