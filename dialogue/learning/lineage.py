"""Writes down where a trained model comes from: a card for people, and `lineage.json` for programs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import dialogue
from dialogue.file_hash import sha256_of
from dialogue.learning.base_model import Base
from dialogue.learning.plan import Plan
from dialogue.proven_lineage import LINEAGE, VERSION

_LIBRARIES = ("torch", "transformers", "trl", "peft")


@cache
def code_hash() -> str:
    """Return a hash over all of `dialogue`, as it was when it was first asked for: what trains and serves."""
    root = Path(str(dialogue.__file__)).parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(f"{path.relative_to(root).as_posix()}\0{sha256_of(path)}\n".encode())
    return digest.hexdigest()


def write_lineage(
    folder: Path, base: Base, plan: Plan, sources: Mapping[str, Any], metrics: Mapping[str, Any]
) -> dict[str, Any]:
    """Write `README.md` and, as the last file and with the SHA-256 of all others, `lineage.json`.

    Args:
        sources: what is known of the data: their files, hashes, manifests and seeds.
    """
    facts: dict[str, Any] = {
        "version": VERSION,
        "kind": "model" if plan.is_full else "adapter",
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "code": {
            "govorun": version("govorun"),
            "dialogue_sha256": code_hash(),
            **{name: version(name) for name in _LIBRARIES},
        },
        "base_model": {"name": base.name, "revision": base.revision},
        "plan": plan.as_facts(),
        **sources,
        "metrics": dict(metrics),
    }
    (folder / "README.md").write_text(_card(facts), "utf-8")
    facts["files"] = {
        path.relative_to(folder).as_posix(): sha256_of(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != LINEAGE
    }
    (folder / LINEAGE).write_text(json.dumps(facts, ensure_ascii=False, indent=2) + "\n", "utf-8")
    return facts


def _card(facts: Mapping[str, Any]) -> str:
    base, plan, metrics, data = facts["base_model"], facts["plan"], facts["metrics"], facts["data"]
    is_adapter = facts["kind"] == "adapter"
    head = [
        "---",
        f"base_model: {json.dumps(base['name'])}",
        f"library_name: {'peft' if is_adapter else 'transformers'}",
        "pipeline_tag: text-generation",
        f"tags: [{'lora, ' if is_adapter else ''}{plan['method']}, trl, govorun]",
        "---",
        "",
        f"# {'LoRA adapter' if is_adapter else 'Model'} for {base['name']}",
        "",
        f"Trained by `govorun finetune` ({plan['method'].upper()}) on replies that people have approved. It goes on "
        "with what stands behind a seed, such as a transcript (`User1: …`, `User2:`); it follows no chat template.",
        "",
        "| | |",
        "|---|---|",
        f"| base model | {base['name']}, {base['revision']} |",
    ]
    if is_adapter:
        head.append(f"| adapter | rank {plan['rank']}, alpha {2 * plan['rank']}, all projections |")
    rows = {
        "training data": f"{data['file']}: {data['rows']} rows, SHA-256 `{data['sha256']}`",
        "seeds": ", ".join(f"{name} {seed.get('version', '')}" for name, seed in facts.get("seeds", {}).items()),
        "steps": metrics["steps"],
        "epochs": metrics["epochs"],
        "learning rate": plan["learning_rate"],
        "held-out loss before": metrics["held_out_loss_before"],
        "held-out loss after": metrics["held_out_loss_after"],
        "made": f"{facts['made_at']} by govorun {facts['code']['govorun']}",
    }
    head += [f"| {name} | {value} |" for name, value in rows.items() if value not in (None, "")]
    return "\n".join([*head, "", f"The whole lineage, with the SHA-256 of each file, is in `{LINEAGE}`.", ""])
