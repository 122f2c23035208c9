"""Gives an engine the adapters that dialogues want, each when it is first wanted."""

from __future__ import annotations

import asyncio
import json
import logging
from importlib import resources
from pathlib import Path
from typing import Any

from dialogue.errors import ModelRefused
from dialogue.ports import Engine
from dialogue.proven_lineage import LINEAGE
from dialogue.seeds import Seed

logger = logging.getLogger(__name__)


class EngineWardrobe:
    """The adapters of one engine; see `dialogue.casting.Wardrobe`.

    Args:
        own: the folder with those that come with the seeds: each is that of the seeds behind which it has learned.
            None lets all seeds answer with the model as it is.
    """

    def __init__(self, engine: Engine, own: Path | None) -> None:
        self._engine = engine
        self._own = _by_seed(own, engine.revision) if own else {}
        self._fits: dict[str, bool] = {}
        self._lock = asyncio.Lock()

    async def own(self, seed: Seed) -> str | None:
        """See `Wardrobe.own`."""
        folder = self._own.get(seed.name)
        if folder is None or not await self.wear(folder.name, folder):
            return None
        return folder.name

    def knows(self, name: str) -> bool:
        """See `Wardrobe.knows`."""
        return name in self._fits

    async def wear(self, name: str, folder: Path) -> bool:
        """See `Wardrobe.wear`."""
        async with self._lock:
            if name not in self._fits:
                self._fits[name] = await self._try(name, folder)
            return self._fits[name]

    async def _try(self, name: str, folder: Path) -> bool:
        base = _base(await asyncio.to_thread(_lineage, folder))
        if base != self._engine.revision:
            logger.info("adapter %s is for %s, and %s works here: it is left off", name, base, self._engine.revision)
            return False
        try:
            await self._engine.add_adapter(name, folder)
        except ModelRefused as error:
            logger.warning("adapter %s is left off: %s", name, error)
            return False
        return True


def own_adapters() -> Path:
    """Return the folder with the adapters that come with this project's seeds."""
    return Path(str(resources.files("seeds"))) / "adapters"


def _by_seed(folder: Path, revision: str) -> dict[str, Path]:
    """Return by the names of seeds the adapters that were trained for this model behind them."""
    places = sorted(each for each in folder.iterdir() if each.is_dir()) if folder.is_dir() else []
    lineages = [(place, _lineage(place)) for place in places]
    return {seed: place for place, facts in lineages if _base(facts) == revision for seed in facts.get("seeds", {})}


def _base(lineage: dict[str, Any]) -> str:
    """Return for which weights an adapter was trained; empty where its lineage does not say."""
    base = lineage.get("base_model")
    return str(base.get("revision", "")) if isinstance(base, dict) else ""


def _lineage(folder: Path) -> dict[str, Any]:
    try:
        facts = json.loads((folder / LINEAGE).read_bytes())
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}
