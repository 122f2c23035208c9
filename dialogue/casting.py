"""Decides what answers a dialogue: its seed as it is, or what was promoted in that seed's place."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from dialogue.errors import SeedError
from dialogue.ports import Job
from dialogue.seeds import Seed, Seeds

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Promotion:
    """What was put to work in a seed's place.

    Args:
        seed: in whose place.
        stand_in: the seed that answers: another one, or the same where an adapter alone was promoted.
        adapter: its revision; empty for none.
        share: of the people, above 0 to 1.
        began_at: seconds since the epoch.
    """

    id: int
    seed: str
    stand_in: str
    adapter: str
    share: float
    began_at: float

    def is_like(self, other: Promotion) -> bool:
        """Say whether both put the same to work, for whatever share."""
        return (self.seed, self.stand_in, self.adapter) == (other.seed, other.stand_in, other.adapter)


@dataclass(frozen=True, slots=True)
class Cast:
    """What answers.

    Args:
        adapter: the name that the engine knows it by; None for the model as it is.
        promotion: the id of the promotion that chose it; 0 for the seed's own ways.
    """

    seed: Seed
    adapter: str | None = None
    promotion: int = 0


class Casting(Protocol):
    """Chooses what answers a job."""

    async def cast(self, job: Job) -> Cast:
        """Return what answers.

        Raises:
            StorageUnavailable: what was promoted cannot be read; worth another try later.
        """


class Wardrobe(Protocol):
    """The adapters that an engine can be given."""

    async def own(self, seed: Seed) -> str | None:
        """Return the name of the seed's own adapter, once the engine has it; None where there is none for its model."""

    def knows(self, name: str) -> bool:
        """Say whether it is known whether this adapter fits the engine's model."""

    async def wear(self, name: str, folder: Path) -> bool:
        """Let the engine have an adapter; say whether it fits its model.

        Raises:
            EngineUnavailable: worth another try later.
        """


class SeedCasting:
    """Lets the dialogue's seed answer, with its own adapter.

    Args:
        default_seed: the name of the seed that serves dialogues whose own seed no longer exists.
    """

    def __init__(self, seeds: Seeds, default_seed: str, wardrobe: Wardrobe | None = None) -> None:
        self._seeds = seeds
        self._default_seed = default_seed
        self._wardrobe = wardrobe

    async def cast(self, job: Job) -> Cast:
        """See `Casting.cast`."""
        return await self.of(self.seed(job))

    async def of(self, seed: Seed) -> Cast:
        """Return the seed with its own adapter."""
        return Cast(seed, await self._wardrobe.own(seed) if self._wardrobe else None)

    def seed(self, job: Job) -> Seed:
        """Return the dialogue's seed, or the one that serves where it is gone."""
        try:
            return self._seeds.get(job.seed)
        except SeedError:
            logger.warning("dialogue %s: its seed %s is gone", job.dialogue_id, job.seed)
            return self._seeds.get(self._default_seed)


def at_work(promotions: Sequence[Promotion]) -> list[Promotion]:
    """Return the last promotion of a seed with those right before it that put the same to work for another share."""
    run: list[Promotion] = []
    for promotion in reversed(promotions):
        if run and not promotion.is_like(run[0]):
            break
        run.insert(0, promotion)
    return run


def promotion_for(promotions: Sequence[Promotion], opened_at: float, place: float) -> Promotion | None:
    """Return the promotion by which a dialogue is answered; None where it is not among the chosen.

    What is for everybody is for open dialogues as well. What is for a share is for dialogues that begin from then on,
    and a dialogue stays on the side on which it began, also when the share grows or shrinks.

    Args:
        promotions: of one seed, oldest first, without those that were taken back.
        opened_at: when the dialogue began, seconds since the epoch.
        place: of its chat; see `place_of`.
    """
    run = at_work(promotions)
    if not run or run[-1].share >= 1:
        return run[-1] if run else None
    before = [promotion for promotion in run if promotion.began_at <= opened_at]
    return run[-1] if before and place < before[-1].share else None


def place_of(chat_id: int, seed: str) -> float:
    """Return where a chat stands among all, from 0 to below 1: the same for ever, and another one for each seed."""
    digest = hashlib.sha256(f"{seed}\0{chat_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
