"""Reads the lineage of a trained model back, once each file beside it has proven to be what was written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from dialogue.errors import PromotionError
from dialogue.file_hash import sha256_of

LINEAGE = "lineage.json"
VERSION = 1


def proven_lineage(folder: Path) -> dict[str, Any]:
    """Return what `lineage.json` says.

    Raises:
        PromotionError: there is none, or a file was changed, added or taken away since the training.
    """
    path = folder / LINEAGE
    try:
        facts = json.loads(path.read_bytes())
        version, files = facts["version"], dict(facts["files"])
    except OSError as error:
        raise PromotionError(f"{path} cannot be read: only what `govorun finetune` wrote has a lineage") from error
    except (ValueError, KeyError, TypeError) as error:
        raise PromotionError(f"{path} is no lineage that `govorun finetune` wrote") from error
    if version != VERSION:
        raise PromotionError(f"{path} is of version {version}, and version {VERSION} is read: train again")
    there = {each.relative_to(folder).as_posix() for each in folder.rglob("*") if each.is_file()} - {LINEAGE}
    if unknown := sorted(there - files.keys()):
        raise PromotionError(f"{folder / unknown[0]} is not in the lineage: it was put there after the training")
    for name, digest in files.items():
        if name not in there:
            raise PromotionError(f"{folder / name} is missing, and the lineage names it")
        if sha256_of(folder / name) != digest:
            raise PromotionError(f"{folder / name} was changed after the training: its hash is not that of the lineage")
    return dict(facts)
