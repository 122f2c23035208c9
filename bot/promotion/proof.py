"""Proves that something may take a seed's place: it is better, and every link of its lineage is as it was made.

report.json -> lineage.json -> the adapter's files
     |              `-> the manifest of what it learned from -> that file
     `-> the manifest of the held-out rows -> that file; none of its dialogues is among those that were learned
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.evaluation.findings import VERSION, seal
from dialogue.errors import PromotionError
from dialogue.file_hash import sha256_of
from dialogue.proven_lineage import LINEAGE, proven_lineage
from dialogue.seeds import Seed
from storage.export.rereading import Reread, reread

MOST_BYTES = 64 * 2**20
"""An adapter goes through the database to the workers; what is larger is a model of its own."""


@dataclass(frozen=True, slots=True)
class Proven:
    """What may take a seed's place.

    Args:
        adapter: its revision; empty where a seed stands in.
        files: those of the adapter, by name.
        facts: what showed it, in values of JSON.
    """

    adapter: str
    facts: dict[str, Any]
    files: dict[str, bytes] = field(default_factory=dict)


def proven_adapter(
    folder: Path, data: Path, evaluation: Path, held_out: Path, seed: Seed, stand_in: Seed | None = None
) -> Proven:
    """Prove that an adapter is better for a seed.

    Args:
        data: the export that it learned from.
        evaluation: the folder of the report.
        held_out: the export that the report was made of.
        stand_in: the seed that the adapter answers behind; None for `seed` itself.

    Raises:
        PromotionError: a link is broken, or the evaluation did not pass.
        ExportError: an export is not what its manifest says.
        ModelRefused: the adapter is none that can be served.
    """
    from dialogue.engine.models.adapter_file import read_adapter

    lineage = proven_lineage(folder)
    if lineage.get("kind") != "adapter":
        raise PromotionError(f"{folder} is a whole model: let GOVORUN_MODEL name it; only adapters take a seed's place")
    learned = reread(data)
    _insist(
        (learned.sha256, learned.manifest_sha256) == _pair(lineage.get("data")),
        f"{data} is not what {folder} learned from: its hash, or its manifest's, is not that of the lineage",
    )
    report, kept = _report(evaluation, held_out)
    revision = read_adapter(folder).revision
    side_a, side_b = report["sides"]["A"], report["sides"]["B"]
    _insist(
        side_b["adapter"]
        and side_b["adapter"]["revision"] == revision
        and side_b["adapter"]["lineage_sha256"] == sha256_of(folder / LINEAGE),
        f"{evaluation}: its side B is not the adapter in {folder}, or not as it is now: evaluate again",
    )
    _insist(
        side_b["revision"] == lineage["base_model"]["revision"] == side_a["revision"],
        f"{evaluation}: its sides are not of the model that the adapter was trained beside",
    )
    _insist(
        side_b["seed"] == (_named(stand_in) if stand_in else None) and not side_b["sampling"],
        f"{evaluation}: side B has another seed or sampling besides: an adapter is promoted without them",
    )
    if stand_in:
        _insist_on_side_a(side_a, seed, evaluation)
    both = set(lineage["data"].get("dialogues", ())) & set(kept.facts["dialogues"].get(kept.path.name, ()))
    _insist(not both, f"{len(both)} dialogues of {held_out} are among those that {folder} learned from")
    behind = stand_in or seed
    _insist(
        lineage["seeds"].get(behind.name, {}).get("version") == behind.version,
        f"{folder} did not learn behind the seed {behind.name} as it is now ({behind.version}): export and train again",
    )
    _insist_on_seed(report, seed, evaluation)
    files = {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}
    size = sum(map(len, files.values()))
    _insist(size <= MOST_BYTES, f"{folder} has {size / 2**20:.0f} MiB, and {MOST_BYTES // 2**20} are taken")
    return Proven(revision, _facts(report, evaluation, {"adapter": folder.name, "lineage": lineage}), files)


def proven_stand_in(stand_in: Seed, evaluation: Path, held_out: Path, seed: Seed) -> Proven:
    """Prove that another seed is better than a seed; see `proven_adapter`."""
    report, _ = _report(evaluation, held_out)
    side_a, side_b = report["sides"]["A"], report["sides"]["B"]
    _insist(
        side_b["seed"] == _named(stand_in),
        f"{evaluation}: its side B is not the seed {stand_in.name} as it is now ({stand_in.version}): evaluate again",
    )
    _insist_on_side_a(side_a, seed, evaluation)
    _insist(
        not side_b["adapter"] and not side_b["sampling"] and side_a["revision"] == side_b["revision"],
        f"{evaluation}: side B has another model, adapter or sampling besides: a seed is promoted without them",
    )
    _insist_on_seed(report, seed, evaluation)
    return Proven("", _facts(report, evaluation, {"stand_in": stand_in.version}))


def _report(folder: Path, held_out: Path) -> tuple[dict[str, Any], Reread]:
    """Return a report that passed and that nobody changed, and the rows that it was made of."""
    path = folder / "report.json"
    try:
        report = json.loads(path.read_bytes())
        version, passes, data = report["version"], report["passes"], _pair(report["data"])
    except OSError as error:
        raise PromotionError(f"{path} cannot be read: make it with `govorun evaluate`") from error
    except (ValueError, KeyError, TypeError) as error:
        raise PromotionError(f"{path} is no report of `govorun evaluate`") from error
    _insist(version == VERSION, f"{path} is of version {version}, and version {VERSION} is read: evaluate again")
    _insist(seal(report) == report.get("sha256"), f"{path} was changed after the evaluation: evaluate again")
    _insist(passes, f"{path}: it did not pass: {'; '.join(report['reasons'])}")
    kept = reread(held_out)
    _insist(
        (kept.sha256, kept.manifest_sha256) == data,
        f"{held_out} is not what {path} was made of: its hash, or its manifest's, is another",
    )
    return report, kept


def _insist_on_side_a(side: Mapping[str, Any], seed: Seed, evaluation: Path) -> None:
    _insist(side["seed"] in (None, _named(seed)), f"{evaluation}: its side A is not the seed {seed.name} as it is now")


def _named(seed: Seed) -> dict[str, str]:
    """Return what a report says of a seed."""
    return {"name": seed.name, "version": seed.version}


def _insist_on_seed(report: Mapping[str, Any], seed: Seed, evaluation: Path) -> None:
    _insist(
        report["data"]["seeds"].get(seed.name) == seed.version,
        f"{evaluation}: it has no dialogues of the seed {seed.name} as it is now ({seed.version}): evaluate again",
    )


def _facts(report: Mapping[str, Any], evaluation: Path, about: Mapping[str, Any]) -> dict[str, Any]:
    improvement = report["likelihood"]["improvement"]
    return {"report": evaluation.name, "report_sha256": report["sha256"], "improvement": improvement, **about}


def _pair(data: Any) -> tuple[str, str]:
    return data["sha256"], data["manifest_sha256"]


def _insist(is_so: Any, otherwise: str) -> None:
    if not is_so:
        raise PromotionError(otherwise)
