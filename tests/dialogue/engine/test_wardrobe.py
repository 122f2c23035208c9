"""An engine gets an adapter once, and only one that was trained for its model."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from dialogue.engine import wardrobe
from dialogue.engine.echo import EchoEngine
from dialogue.engine.wardrobe import EngineWardrobe
from tests.fakes import SEED, ScriptedEngine

POLITE = replace(SEED, adapter="polite")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An adapter for the revision `1`, where the seeds' own adapters lie."""
    monkeypatch.setattr(wardrobe, "own_adapter", lambda name: tmp_path / name)
    return write(tmp_path / "polite", "1")


def write(folder: Path, revision: str) -> Path:
    folder.mkdir()
    (folder / "lineage.json").write_text(json.dumps({"base_model": {"revision": revision}}))
    return folder


async def test_a_seed_gets_its_own_adapter_once(folder: Path) -> None:
    engine = ScriptedEngine([])
    ours = EngineWardrobe(engine)

    names = await asyncio.gather(*(ours.own(POLITE) for _ in range(3)))

    assert names == ["polite"] * 3
    assert engine.adapters == {"polite": folder}


async def test_a_seed_without_one_has_none(folder: Path) -> None:
    assert await EngineWardrobe(ScriptedEngine([])).own(SEED) is None


async def test_the_setting_turns_them_off(folder: Path) -> None:
    engine = ScriptedEngine([])

    assert await EngineWardrobe(engine, has_own=False).own(POLITE) is None
    assert engine.adapters == {}


@pytest.mark.parametrize("revision", ["2", ""])
async def test_one_for_another_model_is_left_off(revision: str, folder: Path) -> None:
    engine = ScriptedEngine([])

    assert not await EngineWardrobe(engine).wear("other", write(folder.parent / "other", revision))
    assert engine.adapters == {}


async def test_an_engine_that_takes_none_answers_without(folder: Path) -> None:
    engine = EchoEngine()
    ours = EngineWardrobe(engine)
    fitting = write(folder.parent / "fitting", engine.revision)

    assert not await ours.wear("fitting", fitting)
    assert ours.knows("fitting")
