"""An adapter with its whole lineage: what it learned from, what it was evaluated on, and a report that passed."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from bot.evaluation.findings import VERSION, seal
from dialogue import proven_lineage
from dialogue.file_hash import sha256_of
from dialogue.seeds import load_seeds
from storage.export.manifest import write_manifest
from tests.dialogue.engine.random_adapters import write_adapter
from tests.dialogue.engine.tiny import tiny_model

SEEDS = load_seeds()
SEED = SEEDS.get("small-talk-en")
OTHER = SEEDS.get("small-talk-ru")
BASE = "1"

Facts = dict[str, Any]


class Workshop:
    """The files of one round of the learning loop.

    Args:
        folder: where they lie.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data.train.jsonl"
        self.held_out = folder / "data.test.jsonl"
        self.manifest = folder / "data.jsonl.manifest.json"
        self.adapter = folder / "adapter"
        self.lineage = self.adapter / "lineage.json"
        self.report = folder / "report" / "report.json"
        self._export({self.data.name: ["1", "2"], self.held_out.name: ["3"]})
        write_adapter(self.adapter, tiny_model("llama"))
        self.train()
        self.evaluate()

    def _export(self, dialogues: dict[str, list[str]]) -> None:
        entries = []
        for name, held in dialogues.items():
            (self.folder / name).write_text("".join(f'{{"prompt": "{number}"}}\n' for number in held))
            digest = sha256_of(self.folder / name)
            entries.append({"name": name, "split": name, "rows": len(held), "dialogues": len(held), "sha256": digest})
        seeds = {seed.name: {"version": seed.version} for seed in (SEED, OTHER)}
        with self.manifest.open("wb") as file:
            write_manifest(file, {"format": "prompt-completion", "files": entries, "seeds": seeds}, dialogues)

    def train(self, **changes: Any) -> None:
        """Write the lineage that a training would have written."""
        manifest = json.loads(self.manifest.read_text())
        data = {"sha256": sha256_of(self.data), "manifest_sha256": sha256_of(self.manifest)}
        facts: Facts = {
            "version": proven_lineage.VERSION,
            "kind": "adapter",
            "base_model": {"name": "tiny", "revision": BASE},
            "data": {**data, "dialogues": manifest["dialogues"][self.data.name]},
            "seeds": manifest["seeds"],
            **changes,
            "files": {path.name: sha256_of(path) for path in self.adapter.iterdir() if path != self.lineage},
        }
        self.lineage.write_text(json.dumps(facts))

    def evaluate(self, **changes: Any) -> None:
        """Write the report that a comparison would have written."""
        side: Facts = {"revision": BASE, "adapter": None, "seed": None, "sampling": {}}
        adapter = {"name": "adapter", "revision": self.revision(), "lineage_sha256": sha256_of(self.lineage)}
        data = {"sha256": sha256_of(self.held_out), "manifest_sha256": sha256_of(self.manifest)}
        facts: Facts = {
            "version": VERSION,
            "passes": True,
            "reasons": [],
            "sides": {"A": side, "B": {**side, "adapter": adapter}},
            "data": {**data, "seeds": {SEED.name: SEED.version}},
            "likelihood": {"improvement": {"value": 0.2, "low": 0.1, "high": 0.3}},
            **changes,
        }
        self.report.parent.mkdir(exist_ok=True)
        self.report.write_text(json.dumps({**facts, "sha256": seal(facts)}))

    def compare_seeds(self, **changes: Any) -> None:
        """Write a report in which the other seed is better than the seed."""
        side: Facts = {"revision": BASE, "adapter": None, "seed": None, "sampling": {}}
        better = {**side, "seed": {"name": OTHER.name, "version": OTHER.version}}
        self.evaluate(**{"sides": {"A": side, "B": better}, **changes})

    def evaluate_behind_the_other(self) -> None:
        """Write a report in which the adapter is better behind the other seed."""
        report = json.loads(self.report.read_text())
        report["sides"]["B"] |= {"seed": {"name": OTHER.name, "version": OTHER.version}}
        self.evaluate(sides=report["sides"])

    def revision(self) -> str:
        """Return the adapter's revision, as the engine has it."""
        digest = hashlib.sha256()
        for name in ("adapter_config.json", "adapter_model.safetensors"):
            digest.update(hashlib.sha256((self.adapter / name).read_bytes()).digest())
        return f"sha256:{digest.hexdigest()[:16]}"
