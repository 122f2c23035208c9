"""The seeds as operators chose them: kept up to date in every process, and every version found again by its hash."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import Any, Protocol

from sqlalchemy import Row

from dialogue.errors import SeedError, StorageUnavailable
from dialogue.seeds import Seed, Seeds, load_seeds, read_seed
from storage.reviewed import SeedChoice

logger = logging.getLogger(__name__)

# How late a process notices what was chosen.
_FRESH_S = 1.0

_MARK = "@"


class Log(Protocol):
    """Where the versions are kept."""

    async def chosen_seeds(self) -> dict[str, str]:
        """Return which versions of seeds are to be at work in the place of their files, by name."""

    async def seed_version(self, version: str) -> tuple[str, bytes] | None:
        """Return the name and the file of a version of a seed; None where it is not known."""


class Choices(Log, Protocol):
    """Where it is kept who chose them."""

    async def seed_choices(self, seed: str, limit: int = 100) -> list[SeedChoice]:
        """Return what operators chose for a seed, the newest first."""


class SeedVersions:
    """The versions of seeds in the log.

    Args:
        seeds: those at hand, which are kept as operators chose them.
    """

    def __init__(self, log: Log, seeds: Seeds) -> None:
        self._log = log
        self._seeds = seeds
        self._chosen: dict[str, str] = {}
        self._read: dict[str, Seed | None] = {seed.version: seed for seed in seeds.files.values()}

    async def apply(self) -> None:
        """Put to work what was chosen.

        Raises:
            StorageUnavailable: it cannot be read; the seeds stay as they are.
        """
        chosen = await self._log.chosen_seeds()
        if chosen != self._chosen:
            self._seeds.revise([seed for version in chosen.values() if (seed := await self.get(version))])
            self._chosen = chosen

    async def follow(self) -> None:
        """Put to work what is chosen, until cancelled."""
        while True:
            await asyncio.sleep(_FRESH_S)
            try:
                await self.apply()
            except StorageUnavailable as error:
                logger.debug("seeds stay as they are: %s", error)

    async def get(self, version: str) -> Seed | None:
        """Return a version of a seed; None where it is not known, or no seed by the rules of today.

        Raises:
            StorageUnavailable: it cannot be read.
        """
        if version not in self._read:
            kept = await self._log.seed_version(version)
            if kept is None:
                return None
            self._read[version] = _seed(*kept)
        return self._read[version]

    async def tried(self, name: str) -> Seed | None:
        """Return the version that somebody tries under this name (see `trial_name`); None where the name is none.

        Raises:
            StorageUnavailable: it cannot be read.
        """
        _, _, version = name.partition(_MARK)
        return await self.get(version) if version else None


async def seeds_at_work(log: Log) -> Seeds:
    """Return the seeds as operators chose them.

    Raises:
        SeedError: a file is none.
        StorageUnavailable: what was chosen cannot be read.
    """
    seeds = load_seeds()
    await SeedVersions(log, seeds).apply()
    return seeds


async def choices_at_work(log: Choices, seeds: Seeds) -> dict[str, SeedChoice]:
    """Return the choices by which seeds at work are not as their files have them, by name.

    Raises:
        StorageUnavailable: they cannot be read.
    """
    edited = [seed.name for seed in seeds if seed.version != seeds.files[seed.name].version]
    return {name: (await log.seed_choices(name, 1))[0] for name in edited}


def versions_of(rows: Iterable[Row[Any]]) -> dict[str, Seed]:
    """Return rows of `storage.log.versioning.read_versions` as seeds, by version, without those that are none today."""
    return {row.version: seed for row in rows if (seed := _seed(row.seed, row.content))}


def trial_name(seed: Seed) -> str:
    """Return the name by which a worker answers with exactly this version."""
    return f"{seed.name}{_MARK}{seed.version}"


def _seed(name: str, content: bytes) -> Seed | None:
    try:
        return read_seed(f"{name}.toml", content)
    except SeedError as error:
        logger.warning("a version of seed %s is left off: %s", name, error)
        return None
