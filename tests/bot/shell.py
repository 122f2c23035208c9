"""A shell beside a tiny model and an export, for commands that compare."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from bot.cli import app
from bot.settings import names
from dialogue.seeds import load_seeds
from dialogue.turns import Dialogue, Speaker
from storage.export.json_lines import json_line
from storage.export.manifest import write_manifest
from storage.export.served import prompt_of
from tests.bot.environment import forget_settings
from tests.dialogue.engine.random_adapters import write_adapter
from tests.dialogue.engine.tiny import CONFIGS, random_model, tiny_tokenizer

SEED = load_seeds().get("small-talk-en")


class Shell:
    """Types commands beside a model and an export. They run an event loop of their own, so in a thread."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.out = folder / "reports" / "one"
        self.env = {name: value for name, value in os.environ.items() if name not in names()}
        self.env |= {
            "GOVORUN_DATA_DIR": str(folder / "data"),
            "GOVORUN_MODEL": str(folder / "model"),
            "GOVORUN_DEVICE": "cpu",
            "GOVORUN_PRECISION": "fp32",
            "COLUMNS": "120",
        }

    async def type(self, *command: str) -> Result:
        return await asyncio.to_thread(CliRunner().invoke, app, list(command), env=self.env)

    async def evaluate(self, *arguments: str, data: str = "data.test.jsonl") -> Result:
        return await self.type("evaluate", "--data", str(self.folder / data), "--out", str(self.out), *arguments)

    def report(self) -> dict[str, object]:
        found: dict[str, object] = json.loads((self.out / "report.json").read_text())
        return found


def made_shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """Return a shell beside a tiny model, an adapter for it, and an export of two dialogues."""
    monkeypatch.chdir(tmp_path)
    forget_settings(monkeypatch)
    model = random_model("llama", **{**CONFIGS["llama"], "max_position_embeddings": 2048})
    model.save_pretrained(tmp_path / "model")
    tiny_tokenizer().save(str(tmp_path / "model" / "tokenizer.json"))
    write_adapter(tmp_path / "adapter", model)
    write_export(tmp_path)
    return Shell(tmp_path)


def write_export(folder: Path) -> None:
    """Write two dialogues as `govorun export --format prompt-completion --split` would."""
    path = folder / "data.test.jsonl"
    rows = []
    for number in range(2):
        opening = Dialogue().then(Speaker.PERSON, f"hi {number}")
        more = opening.then(Speaker.BOT, "Hello!").then(Speaker.PERSON, "bye")
        for history, reply in ((opening, "Hello!"), (more, "Bye <b>!")):
            row = {"prompt": prompt_of(history.turns, SEED), "completion": f" {reply}"}
            rows.append(json_line(row))
    path.write_bytes(b"".join(rows))
    entry = {"name": path.name, "split": "test", "rows": 4, "dialogues": 2}
    entry["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    facts = {"format": "prompt-completion", "files": [entry], "seeds": {SEED.name: {"version": SEED.version}}}
    with (folder / "data.jsonl.manifest.json").open("wb") as file:
        write_manifest(file, facts, {path.name: ["1", "2"]})
