"""`govorun finetune` as an engineer types it, with a tiny model on the disk."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from bot.cli import app
from bot.finetune_command import _bar
from dialogue.errors import ExportError, GovorunError, TrainingError
from dialogue.learning.watching import Moment
from tests.bot.environment import forget_settings
from tests.bot.shell import write_export
from tests.dialogue.engine.tiny import CONFIGS, random_model, tiny_tokenizer


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a tiny model and an export of two dialogues, and settings that name the model."""
    monkeypatch.chdir(tmp_path)
    forget_settings(monkeypatch)
    monkeypatch.setenv("GOVORUN_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("GOVORUN_MODEL", str(tmp_path / "model"))
    monkeypatch.setenv("GOVORUN_DEVICE", "cpu")
    random_model("llama", **{**CONFIGS["llama"], "max_position_embeddings": 2048}).save_pretrained(tmp_path / "model")
    tiny_tokenizer().save(str(tmp_path / "model" / "tokenizer.json"))
    write_export(tmp_path)
    return tmp_path


def finetune(folder: Path, *arguments: str) -> Result:
    command = ["finetune", "--data", str(folder / "data.test.jsonl"), "--out", str(folder / "out"), *arguments]
    return CliRunner().invoke(app, command)


def test_an_export_becomes_an_adapter_that_says_where_it_comes_from(folder: Path) -> None:
    result = finetune(folder, "--epochs", "1", "--rank", "4")

    assert result.exit_code == 0, result.output
    lineage = json.loads((folder / "out" / "lineage.json").read_text())
    manifest = json.loads((folder / "data.jsonl.manifest.json").read_text())
    assert lineage["data"]["sha256"] == next(
        each["sha256"] for each in manifest["files"] if each["name"] == "data.test.jsonl"
    )
    assert lineage["data"]["dialogues"] == manifest["dialogues"]["data.test.jsonl"]
    assert lineage["seeds"] == manifest["seeds"]
    modes = {(folder / "out" / name).stat().st_mode for name in ("adapter_model.safetensors", "lineage.json")}
    assert len(modes) == 1
    assert not (folder / ".out.unfinished").exists()


def refusal(result: Result) -> GovorunError:
    assert isinstance(result.exception, GovorunError), result.output
    return result.exception


def test_an_export_that_was_changed_is_refused(folder: Path) -> None:
    with (folder / "data.test.jsonl").open("a") as file:
        file.write("{}\n")

    error = refusal(finetune(folder))

    assert isinstance(error, ExportError)
    assert "its SHA-256 is another" in str(error)
    assert not (folder / "out").exists()


def test_a_format_that_the_method_cannot_learn_from_is_refused(folder: Path) -> None:
    error = refusal(finetune(folder, "--method", "dpo"))

    assert isinstance(error, TrainingError)
    assert "dpo learns from dpo" in str(error)


def test_what_is_learned_is_not_held_out(folder: Path) -> None:
    error = refusal(finetune(folder, "--held-out", str(folder / "data.test.jsonl")))

    assert "are learned too" in str(error)


def test_nothing_that_is_there_is_overwritten(folder: Path) -> None:
    (folder / "out").mkdir()

    assert "is there already" in str(refusal(finetune(folder)))


def test_without_a_terminal_each_loss_is_told_once_when_it_is_known() -> None:
    written = io.StringIO()
    with _bar(Console(file=written, width=100)) as show:
        show(Moment(0, 0, None, None, checked=0.5))
        for step, loss, held_out in [(0, None, 3.0), (1, 2.5, 3.0), (1, 2.5, 3.0), (2, 2.25, 3.0), (2, 2.25, 2.125)]:
            show(Moment(step, 2, loss, held_out))

    assert written.getvalue().splitlines() == [
        "reading the held-out rows, as after every few steps",
        "after 0 steps: held-out loss 3.0000",
        "step 1 of 2: loss 2.5000",
        "step 2 of 2: loss 2.2500",
        "after 2 steps: held-out loss 2.1250",
    ]
