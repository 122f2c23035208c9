"""Gives an engine the adapters that dialogues want, each when it is first wanted."""

from __future__ import annotations

import asyncio
import json
import logging
from importlib import resources
from pathlib import Path

from dialogue.errors import ModelRefused
from dialogue.ports import Engine
from dialogue.seeds import Seed

logger = logging.getLogger(__name__)

_LINEAGE = "lineage.json"


class EngineWardrobe:
    """The adapters of one engine; see `dialogue.casting.Wardrobe`.

    Args:
        has_own: whether seeds have their own adapters; False for the model as it is.
    """

    def __init__(self, engine: Engine, has_own: bool = True) -> None:
        self._engine = engine
        self._has_own = has_own
        self._fits: dict[str, bool] = {}
        self._lock = asyncio.Lock()

    async def own(self, seed: Seed) -> str | None:
        """See `Wardrobe.own`."""
        if not seed.adapter or not self._has_own:
            return None
        folder = own_adapter(seed.adapter)
        return seed.adapter if await self.wear(seed.adapter, folder) else None

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
        base = await asyncio.to_thread(base_revision, folder)
        if base != self._engine.revision:
            logger.info("adapter %s is for %s, and %s works here: it is left off", name, base, self._engine.revision)
            return False
        try:
            await self._engine.add_adapter(name, folder)
        except ModelRefused as error:
            logger.warning("adapter %s is left off: %s", name, error)
            return False
        return True


def own_adapter(name: str) -> Path:
    """Return where the adapter lies that a seed names."""
    return Path(str(resources.files("seeds"))) / "adapters" / name


def base_revision(folder: Path) -> str:
    """Return for which weights an adapter was trained; empty where its lineage does not say."""
    try:
        return str(json.loads((folder / _LINEAGE).read_bytes())["base_model"]["revision"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""
