"""The versions of seeds: which there were, and which of them is to be at work."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Row, Select, and_, bindparam, delete, func, select, update

from dialogue.errors import Overtaken
from dialogue.seeds import Seed
from storage.log.tables import seed_choices, seed_versions
from storage.log.transaction import Transaction
from storage.operators import Operator
from storage.reviewed import SeedChoice

# Whoever tries a draft again after so long sends it again.
_DRAFT_S = 24 * 3600.0

_last = select(func.max(seed_choices.c.id)).group_by(seed_choices.c.seed)

read_chosen: Select[Any] = select(seed_choices.c.seed, seed_choices.c.version).where(
    seed_choices.c.id.in_(_last), seed_choices.c.version != ""
)
"""Reads which version of which seed is to be at work, where that is not the seed's file."""

read_version: Select[Any] = select(seed_versions.c.seed, seed_versions.c.content).where(
    seed_versions.c.version == bindparam("version")
)
"""Reads a version of a seed."""

read_versions: Select[Any] = select(seed_versions).where(seed_versions.c.is_draft.is_(False))
"""Reads all versions that ever were at work."""

read_choices: Select[Any] = (
    select(seed_choices, seed_versions.c.content)
    .outerjoin(seed_versions, seed_versions.c.version == seed_choices.c.version)
    .where(seed_choices.c.seed == bindparam("seed"))
    .order_by(seed_choices.c.id.desc())
    .limit(bindparam("most"))
)
"""Reads what was chosen for a seed, the newest first."""

_read_last = select(func.coalesce(func.max(seed_choices.c.id), 0)).where(seed_choices.c.seed == bindparam("seed"))
_known = select(seed_versions.c.version).where(seed_versions.c.is_draft.is_(False))
_stays = update(seed_versions).where(seed_versions.c.version == bindparam("kept")).values(is_draft=False)
_forget_drafts = delete(seed_versions).where(
    and_(seed_versions.c.is_draft.is_(True), seed_versions.c.made_at < bindparam("before"))
)


class Versioning(Transaction):
    """The versions of seeds."""

    async def keep_versions(self, seeds: Iterable[Seed]) -> None:
        """Keep these versions for good."""
        known = set((await self._run(_known)).scalars())
        fresh = [seed for seed in seeds if seed.version not in known]
        if fresh:
            await self._insert_new(seed_versions, [self._row(seed, is_draft=False) for seed in fresh])
            await self._run(_stays, [{"kept": seed.version} for seed in fresh])

    async def keep_draft(self, seed: Seed) -> None:
        """Keep a version for a day, so that workers can try it."""
        await self._run(_forget_drafts, {"before": self._clock() - _DRAFT_S})
        await self._insert_new(seed_versions, self._row(seed, is_draft=True))

    async def choose_version(
        self, seed: Seed, operator: Operator, note: str, follows: int, is_file: bool = False
    ) -> None:
        """Put a version to work.

        Args:
            follows: the id of the last choice that the operator knows of; 0 for none.
            is_file: what the seed's file has is to be at work, also when the file changes.

        Raises:
            Overtaken: somebody else was faster.
        """
        await self.keep_versions([seed])
        last = (await self._run(_read_last, {"seed": seed.name})).scalar_one()
        row = {"seed": seed.name, "follows": follows, "version": "" if is_file else seed.version}
        row |= {"operator": operator.name, "note": note, "at": self._clock()}
        # Who waited for another transaction's row is told by the table.
        if last != follows or not (await self._insert_new(seed_choices, row)).all():
            raise Overtaken(f"somebody else has changed {seed.name} since; open it again")

    def _row(self, seed: Seed, is_draft: bool) -> dict[str, Any]:
        facts = {"version": seed.version, "seed": seed.name, "content": seed.content}
        return {**facts, "is_draft": is_draft, "made_at": self._clock()}


def choice_of(row: Row[Any]) -> SeedChoice:
    """Return a row of `read_choices` as a value."""
    return SeedChoice(row.id, row.version, row.content or b"", row.operator, row.note, row.at)
