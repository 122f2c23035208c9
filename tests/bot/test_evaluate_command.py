"""`govorun evaluate` as an engineer types it, with a tiny model on the disk."""

from __future__ import annotations

import asyncio
import hashlib
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.cli import app
from dialogue.errors import EvaluationError, ExportError, GovorunError, ModelRefused
from tests.bot.shell import SEED, Shell, made_shell


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """A shell beside a tiny model, an adapter for it, and an export of two dialogues."""
    return made_shell(tmp_path, monkeypatch)


async def test_an_adapter_is_compared_with_the_model_as_it_is(shell: Shell) -> None:
    result = await shell.evaluate("--adapter", str(shell.folder / "adapter"), "--samples", "2")

    assert result.exit_code == 0, result.output
    assert "4 replies, 2 dialogues" in result.output
    assert "2 replies drawn from each side" in result.output
    assert "leaks a speaker's tag" in result.output
    assert "B does not pass." in result.output
    assert str(shell.out / "report.html") in result.output.replace("\n", "")


async def test_the_report_says_of_what_it_was_made(shell: Shell) -> None:
    await shell.evaluate("--adapter", str(shell.folder / "adapter"), "--samples", "2", "--random-seed", "5")

    report = shell.report()
    a, b = report["sides"]["A"], report["sides"]["B"]  # type: ignore[index]
    assert a["model"] == b["model"] == "model"
    assert a["revision"] == b["revision"] != ""
    assert a["adapter"] is None
    assert b["adapter"]["revision"].startswith("sha256:")
    data = report["data"]
    assert data["sha256"] == hashlib.sha256((shell.folder / "data.test.jsonl").read_bytes()).hexdigest()  # type: ignore[index]
    assert data["seeds"] == {SEED.name: SEED.version}  # type: ignore[index]
    assert data["dialogues_found"] == data["dialogues_in_manifest"] == 2  # type: ignore[index]
    assert report["random_seed"] == 5
    assert report["passes"] is False
    assert len(report["behaviour"]["faults"]) == 7  # type: ignore[index]


async def test_the_page_needs_nothing_but_itself(shell: Shell) -> None:
    await shell.evaluate("--b", "temperature=0.2", "--samples", "2")

    page = (shell.out / "report.html").read_text()

    assert re.findall(r"(?:src|href)=|url\(|@import|<script", page) == []
    assert "B does not pass" in page
    assert "temperature 0.2" in page
    assert "prefers-color-scheme: dark" in page


async def test_a_side_against_itself_is_exactly_nothing(shell: Shell) -> None:
    result = await shell.evaluate("--samples", "0")

    improvement = shell.report()["likelihood"]["improvement"]  # type: ignore[index]
    assert improvement == {"value": 0.0, "low": 0.0, "high": 0.0}
    assert "0.0000 [0.0000, 0.0000]" in result.output


async def test_dialogues_are_drawn_by_lot(shell: Shell) -> None:
    await shell.evaluate("--samples", "0", "--max-dialogues", "1")

    assert shell.report()["data"]["dialogues_compared"] == 1  # type: ignore[index]


async def test_a_report_is_replaced_only_on_request(shell: Shell) -> None:
    await shell.evaluate("--samples", "0")

    again = await shell.evaluate("--samples", "0")
    on_request = await shell.evaluate("--samples", "0", "--overwrite")

    assert isinstance(again.exception, EvaluationError)
    assert "--overwrite" in str(again.exception)
    assert on_request.exit_code == 0
    assert sorted(path.name for path in shell.out.iterdir()) == ["report.html", "report.json"]


@pytest.mark.parametrize(
    ("arguments", "data", "kind", "why"),
    [
        (["--b", "seed=nobody"], "data.test.jsonl", EvaluationError, 'there is no seed "nobody"'),
        (["--adapter", "nowhere"], "data.test.jsonl", EvaluationError, "there is no folder nowhere"),
        (["--adapter", "x", "--b", "adapter=y"], "data.test.jsonl", EvaluationError, "two adapters for one side"),
        (["--adapter", "model"], "data.test.jsonl", ModelRefused, "no adapter_config.json"),
        (["--b", "model=http://host/v1"], "data.test.jsonl", ModelRefused, "does not run in this process"),
        ([], "none.jsonl", ExportError, "there is no file"),
    ],
)
async def test_what_cannot_be_done_is_said_and_leaves_nothing(
    shell: Shell, arguments: list[str], data: str, kind: type[GovorunError], why: str
) -> None:
    result = await shell.evaluate("--samples", "0", *arguments, data=data)

    assert isinstance(result.exception, kind), result.output
    assert why in str(result.exception)
    assert not shell.out.exists()


async def test_help_has_an_example() -> None:
    result = await asyncio.to_thread(CliRunner().invoke, app, ["evaluate", "--help"], env={"COLUMNS": "200"})

    assert "Example: govorun evaluate --data data.test.jsonl --adapter" in result.output
