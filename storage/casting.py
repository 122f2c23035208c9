"""Lets what was promoted answer in a seed's place, from the next message on, whatever machine the worker runs on."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from dialogue.casting import Cast, Promotion, SeedCasting, Wardrobe, place_of, promotion_for
from dialogue.errors import SeedError, StorageUnavailable
from dialogue.ports import Job
from dialogue.seeds import Seed, Seeds
from storage.live.rehearsal import rehearsed
from storage.seed_versions import SeedVersions

logger = logging.getLogger(__name__)

# How late a worker notices what was promoted.
_FRESH_S = 1.0


class Log(Protocol):
    """Where promotions and adapters are kept."""

    async def promotions(self) -> list[Promotion]:
        """Return what was promoted and not withdrawn, oldest first."""

    async def beginning(self, dialogue_id: str) -> tuple[int, float] | None:
        """Return the chat of a dialogue and when it was opened."""

    async def adapter_files(self, adapter: str) -> dict[str, bytes]:
        """Return the files of an adapter, by name."""


class PromotedCasting:
    """The `Casting` port on the log.

    Args:
        seeds: those at hand; `default_seed` names the one that serves where a dialogue's own seed is gone.
        folder: where adapters are unpacked.
        clock: seconds that never go back.
    """

    def __init__(
        self,
        seeds: Seeds,
        default_seed: str,
        log: Log,
        versions: SeedVersions,
        wardrobe: Wardrobe,
        folder: Path,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._seeds = seeds
        self._own = SeedCasting(seeds, default_seed, wardrobe)
        self._log = log
        self._versions = versions
        self._wardrobe = wardrobe
        self._folder = folder
        self._clock = clock
        self._known: list[Promotion] | None = None
        self._known_at = 0.0
        self._left_off: set[int] = set()

    async def cast(self, job: Job) -> Cast:
        """See `Casting.cast`."""
        if tried := await self._versions.tried(job.seed):
            return await self._own.of(tried)
        seed = self._own.seed(job)
        promotion = await self._promotion(seed, job)
        cast = await self._by(promotion) if promotion else None
        return cast or await self._own.of(seed)

    async def _promotion(self, seed: Seed, job: Job) -> Promotion | None:
        promotions = [each for each in await self._promotions() if each.seed == seed.name]
        if not promotions or promotions[-1].share >= 1:
            return promotions[-1] if promotions else None
        beginning = await self._log.beginning(rehearsed(job.dialogue_id))
        if beginning is None:
            return None
        chat_id, opened_at = beginning
        return promotion_for(promotions, opened_at, place_of(chat_id, seed.name))

    async def _promotions(self) -> list[Promotion]:
        """Return what is promoted; what is known stays so while the log is out of reach."""
        if self._known is None or self._clock() - self._known_at >= _FRESH_S:
            try:
                self._known = await self._log.promotions()
            except StorageUnavailable:
                if self._known is None:
                    raise
            self._known_at = self._clock()
        return self._known

    async def _by(self, promotion: Promotion) -> Cast | None:
        """Return what answers by a promotion; None where this worker cannot do that."""
        try:
            seed = self._seeds.get(promotion.stand_in)
        except SeedError:
            self._leave_off(promotion, f"there is no seed {promotion.stand_in} here")
            return None
        if not promotion.adapter:
            cast = await self._own.of(seed)
            return Cast(cast.seed, cast.adapter, promotion.id)
        name = promotion.adapter
        folder = self._folder / name.replace(":", "-")
        if not self._wardrobe.knows(name) and not folder.is_dir():
            files = await self._log.adapter_files(name)
            await asyncio.to_thread(_unpack, files, folder)
        if not await self._wardrobe.wear(name, folder):
            self._leave_off(promotion, f"adapter {name} does not fit the model that works here")
            return None
        return Cast(seed, name, promotion.id)

    def _leave_off(self, promotion: Promotion, reason: str) -> None:
        if promotion.id not in self._left_off:
            logger.warning("promotion %d for %s is left off: %s", promotion.id, promotion.seed, reason)
            self._left_off.add(promotion.id)


def _unpack(files: dict[str, bytes], folder: Path) -> None:
    """Write the files of an adapter; the folder appears whole, also where two workers do it at once."""
    partial = folder.with_name(f".{folder.name}.{os.getpid()}")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    for name, content in files.items():
        (partial / name).write_bytes(content)
    try:
        partial.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise
        shutil.rmtree(partial, ignore_errors=True)
