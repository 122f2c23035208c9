"""What is put to work in a seed's place, and taken back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row, Select, bindparam, insert, select, update

from dialogue.casting import Promotion, at_work
from dialogue.errors import PromotionError
from storage.log.tables import adapter_files, promotions
from storage.log.transaction import Transaction

read_promotions: Select[Any] = select(promotions).where(promotions.c.withdrawn_at.is_(None)).order_by(promotions.c.id)
"""Reads what was promoted and not withdrawn, oldest first."""

read_adapter_files: Select[Any] = select(adapter_files.c.name, adapter_files.c.content).where(
    adapter_files.c.adapter == bindparam("adapter")
)
"""Reads the files of an adapter."""

_insert = insert(promotions).returning(promotions.c.id)
_withdraw = (
    update(promotions)
    .where(promotions.c.id.in_(bindparam("ids", expanding=True)))
    .values(withdrawn_at=bindparam("now"))
)
_read_last = (
    select(promotions)
    .where(promotions.c.seed == bindparam("seed"), promotions.c.withdrawn_at.is_(None))
    .order_by(promotions.c.id.desc())
    .limit(1)
)


class Promoting(Transaction):
    """What answers in a seed's place."""

    async def keep_adapter(self, adapter: str, files: Mapping[str, bytes]) -> None:
        """Keep the files of an adapter for the workers; what is there already is the same."""
        rows = [{"adapter": adapter, "name": name, "content": content} for name, content in files.items()]
        await self._insert_new(adapter_files, rows)

    async def promote(
        self, seed: str, stand_in: str, adapter: str, share: float, proof: Mapping[str, Any]
    ) -> Promotion:
        """Put something to work in a seed's place; see `dialogue.casting.Promotion`.

        Args:
            proof: what showed that it is better.
        """
        now = self._clock()
        row = {"seed": seed, "stand_in": stand_in, "adapter": adapter, "share": share, "proof": dict(proof)}
        made = (await self._run(_insert, {**row, "began_at": now})).scalar_one()
        return Promotion(made, seed, stand_in, adapter, share, now)

    async def change_share(self, seed: str, share: float) -> Promotion:
        """Give what was promoted last for a seed to another share of the people, by the proof it has.

        Raises:
            PromotionError: nothing is promoted for the seed.
        """
        last = (await self._run(_read_last, {"seed": seed})).one_or_none()
        if last is None:
            raise PromotionError(f"nothing is promoted in the place of {seed}, so there is no share to change")
        return await self.promote(seed, last.stand_in, last.adapter, share, last.proof)

    async def withdraw(self, seed: str) -> list[Promotion]:
        """Take back what was promoted last for a seed, whatever shares it has had; return what was taken back."""
        rows = await self._run(read_promotions.where(promotions.c.seed == seed))
        run = at_work([promotion_of(row) for row in rows])
        await self._run(_withdraw, {"ids": [each.id for each in run], "now": self._clock()})
        return run


def promotion_of(row: Row[Any]) -> Promotion:
    """Return a row of `promotions` as a value."""
    return Promotion(row.id, row.seed, row.stand_in, row.adapter, row.share, row.began_at)
