"""What a comparison found and of what, as `report.json` has it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dialogue.file_hash import sha256_of
from dialogue.learning.sides import Side
from dialogue.proven_lineage import LINEAGE
from storage.export.rereading import Reread

if TYPE_CHECKING:
    from dialogue.learning.evaluation import Evaluation, Identity

VERSION = 2
SIDES = ("A", "B")

FAULT_NAMES = {
    "leak": "leaks a speaker's tag",
    "empty": "says nothing",
    "cut": "cut by the length limit",
    "repeated_reply": "repeats an earlier reply",
    "repeated_question": "asks an earlier question again",
    "echo": "repeats the person",
    "wrong_language": "speaks another language",
}


@dataclass(frozen=True, slots=True)
class About:
    """Of what a comparison was made.

    Args:
        seeds: the versions of the seeds that stand before the dialogues, by name, as they are now.
        found: how many dialogues the rows were put together to.
        govorun: the version of this program.
    """

    data: Reread
    seeds: dict[str, str]
    found: int
    a: Side
    b: Side
    random_seed: int
    samples: int
    resamples: int
    made_at: str
    govorun: str


def findings(evaluation: Evaluation, about: About) -> dict[str, Any]:
    """Return everything that is known of a comparison, in values of JSON."""
    likelihood, behaviour = asdict(evaluation.likelihood), evaluation.behaviour
    facts = {
        "version": VERSION,
        "made_at": about.made_at,
        "govorun": about.govorun,
        "passes": evaluation.verdict.passes,
        "reasons": list(evaluation.verdict.reasons),
        "sides": {
            name: _side(side, identity)
            for name, side, identity in zip(SIDES, (about.a, about.b), evaluation.sides, strict=True)
        },
        "data": {
            "file": about.data.path.name,
            "sha256": about.data.sha256,
            "manifest": about.data.manifest.name,
            "manifest_sha256": about.data.manifest_sha256,
            "format": about.data.format,
            "split": about.data.split,
            "rows": about.data.rows,
            "dialogues_in_manifest": about.data.dialogues,
            "dialogues_found": about.found,
            "dialogues_compared": evaluation.dialogues,
            "seeds": about.seeds,
            "seeds_when_exported": about.data.seeds,
        },
        "random_seed": about.random_seed,
        "resamples": about.resamples,
        "likelihood": {"unit": "nats per character", **likelihood, "by_dialogue": likelihood["by_dialogue"]},
        "behaviour": None if behaviour is None else {"columns": ["approved", *SIDES], **asdict(behaviour)},
    }
    return {**facts, "sha256": seal(facts)}


def seal(facts: Mapping[str, Any]) -> str:
    """Return a hash over everything that a report says, `sha256` aside: by it one sees that nobody changed a figure."""
    rest = {name: value for name, value in facts.items() if name != "sha256"}
    return hashlib.sha256(json.dumps(rest, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def description(side: Side, identity: Identity) -> str:
    """Return a side in a few words."""
    words = [identity.model]
    words += [f"adapter {side.adapter.name}"] if side.adapter else []
    words += [f"seed {side.seed.name}"] if side.seed else []
    words += [f"{name} {value:g}" for name, value in side.sampling.items()]
    return ", ".join(words)


def _side(side: Side, identity: Identity) -> dict[str, Any]:
    return {
        **asdict(identity),
        "adapter": _adapter(side.adapter, identity.adapter) if side.adapter else None,
        "seed": {"name": side.seed.name, "version": side.seed.version} if side.seed else None,
        "sampling": dict(side.sampling),
        "description": description(side, identity),
    }


def _adapter(folder: Path, revision: str) -> dict[str, Any]:
    lineage = folder / LINEAGE
    is_there = lineage.is_file()
    return {"name": folder.name, "revision": revision, "lineage_sha256": sha256_of(lineage) if is_there else None}
