"""`govorun augment`: more rows with a manifest that says whence, which trainers take and forgetting finds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dialogue.errors import ExportError, TrainingError
from dialogue.seeds import load_seeds, read_seed
from storage.export.rereading import reread, rows_of
from tests.bot.shell import SEED, Shell, made_shell
from tests.bot.test_at_work import put_to_work

FILE = load_seeds().get("words-ru-en")
WORDS = read_seed(f"{FILE.name}.toml", FILE.content.replace("кот —> cat".encode(), "кит —> whale".encode()))


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """A shell beside a tiny model and an export of two dialogues."""
    return made_shell(tmp_path, monkeypatch)


async def test_rows_are_added_and_the_manifest_says_whence(shell: Shell) -> None:
    data, out = shell.folder / "data.test.jsonl", shell.folder / "more.jsonl"

    # A model of random weights knows no lists: it is asked for a word.
    options = ["--data", str(data), "--out", str(out), "--tolerance", "9", "--seed", "words-ru-en"]
    result = await shell.type("augment", *options)

    assert result.exit_code == 0, result.output
    before, after = reread(data), reread(out)
    rows, more = list(rows_of(before)), list(rows_of(after))
    assert more[: len(rows)] == rows
    assert len(more) > len(rows)
    for row in more[len(rows) :]:
        assert row["prompt"].startswith(f"{SEED.text}\nUser1: ")
        assert row["completion"] == " Hello!"
        assert row["prompt"] not in {each["prompt"] for each in rows}
    facts = json.loads((shell.folder / "more.jsonl.manifest.json").read_text())
    assert facts["augmented"]["from"]["sha256"] == before.sha256
    assert facts["augmented"]["rows"] == len(more) - len(rows)
    assert facts["dialogues"][out.name] == before.facts["dialogues"][data.name] != []
    assert (after.format, after.split, after.seeds) == (before.format, before.split, before.seeds)


async def test_the_seed_that_asks_is_the_one_at_work(shell: Shell) -> None:
    await put_to_work(shell.folder / "data", WORDS)
    data, out = shell.folder / "data.test.jsonl", shell.folder / "more.jsonl"

    result = await shell.type("augment", "--data", str(data), "--out", str(out), "--seed", "words-ru-en", "--most", "1")

    assert result.exit_code == 0, result.output
    facts = json.loads((shell.folder / "more.jsonl.manifest.json").read_text())
    assert facts["augmented"]["seeds"] == {WORDS.name: WORDS.version}


async def test_what_is_there_stays_and_other_files_are_refused(shell: Shell) -> None:
    data, out = str(shell.folder / "data.test.jsonl"), shell.folder / "more.jsonl"
    out.write_text("mine")

    there = await shell.type("augment", "--data", data, "--out", str(out))
    parquet = await shell.type("augment", "--data", data, "--out", str(shell.folder / "more.parquet"))
    strange = await shell.type("augment", "--data", str(out), "--out", str(shell.folder / "other.jsonl"))

    assert isinstance(there.exception, TrainingError)
    assert "--overwrite replaces it" in str(there.exception)
    assert out.read_text() == "mine"
    assert isinstance(parquet.exception, TrainingError)
    assert isinstance(strange.exception, ExportError)
