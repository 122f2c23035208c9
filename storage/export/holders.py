"""Finds the exports and the trained models that hold something of people who were forgotten since."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from dialogue.errors import ExportError
from dialogue.proven_lineage import LINEAGE
from storage.export.manifest import SUFFIX, read_manifest


@dataclass(frozen=True, slots=True)
class Holder:
    """A file of an export, or a folder with an adapter or a model.

    Args:
        dialogues: of so many it holds something that was erased since.
    """

    path: Path
    dialogues: int


def holders(folder: Path, forgotten: Mapping[str, float]) -> list[Holder]:
    """Return what holds somebody, anywhere under a folder.

    A file that was renamed without its manifest is not found; one that was deleted is still named.

    Args:
        forgotten: the hashed ids of dialogues in which something was erased, and when, seconds since the epoch.
    """
    found: dict[Path, int] = {}
    for path in sorted(folder.rglob(f"*{SUFFIX}")):
        for name, held, exported_at in _exported(path):
            found[path.parent / name] = still_held(held, exported_at, forgotten)
    for path in sorted(folder.rglob(LINEAGE)):
        try:
            lineage = json.loads(path.read_bytes())
        except (OSError, ValueError):
            continue
        found[path.parent] = held_by_model(lineage, forgotten)
    return [Holder(path, many) for path, many in found.items() if many]


def held_by_model(lineage: Mapping[str, Any], forgotten: Mapping[str, float]) -> int:
    """Return how many of the dialogues that a model learned from have something that was erased since."""
    try:
        data = lineage["data"]
        return still_held(data["dialogues"], str(data.get("exported_at") or lineage["made_at"]), forgotten)
    except (KeyError, TypeError, ValueError):
        return 0  # Somebody else's file of that name.


def still_held(dialogues: Iterable[str], exported_at: str, forgotten: Mapping[str, float]) -> int:
    """Return in how many of these dialogues something was erased after they were exported."""
    since = datetime.fromisoformat(exported_at).timestamp()
    return sum(forgotten.get(dialogue, since - 1) >= since for dialogue in dialogues)


def _exported(path: Path) -> Iterator[tuple[str, list[str], str]]:
    """Yield the files that a manifest names, with their dialogues and when they were exported."""
    try:
        facts = read_manifest(path)
        exported_at = str(facts["exported_at"])
        datetime.fromisoformat(exported_at)
        yield from ((name, dialogues, exported_at) for name, dialogues in facts["dialogues"].items())
    except (ExportError, KeyError, ValueError):
        return  # Somebody else's file of that name.
