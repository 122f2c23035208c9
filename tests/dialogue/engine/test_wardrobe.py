"""An engine gets an adapter once, and only one that was trained for its model."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from dialogue.engine.echo import EchoEngine
from dialogue.engine.wardrobe import EngineWardrobe
from tests.fakes import GREETING_SEED, SEED, ScriptedEngine

ENGINE = "1"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with adapters for seeds: one for this engine's model, one for another."""
    write(tmp_path / "polite", ENGINE, SEED.name)
    write(tmp_path / "stern", "2", SEED.name)
    (tmp_path / "notes").mkdir()
    return tmp_path


def write(folder: Path, revision: str, *seeds: str) -> Path:
    folder.mkdir()
    lineage = {"base_model": {"revision": revision}, "seeds": {name: {"version": "0"} for name in seeds}}
    (folder / "lineage.json").write_text(json.dumps(lineage))
    return folder


async def test_a_seed_gets_the_adapter_that_learned_behind_it_once(folder: Path) -> None:
    engine = ScriptedEngine([])
    ours = EngineWardrobe(engine, folder)

    names = await asyncio.gather(*(ours.own(SEED) for _ in range(3)))

    assert names == ["polite"] * 3
    assert engine.adapters == {"polite": folder / "polite"}


async def test_another_seed_has_none(folder: Path) -> None:
    assert await EngineWardrobe(ScriptedEngine([]), folder).own(GREETING_SEED) is None


@pytest.mark.parametrize("place", [None, "nowhere"])
async def test_without_them_the_model_answers_as_it_is(place: str | None, folder: Path) -> None:
    engine = ScriptedEngine([])

    assert await EngineWardrobe(engine, folder / place if place else None).own(SEED) is None
    assert engine.adapters == {}


@pytest.mark.parametrize("revision", ["2", ""])
async def test_one_for_another_model_is_left_off(revision: str, folder: Path) -> None:
    engine = ScriptedEngine([])

    assert not await EngineWardrobe(engine, None).wear("other", write(folder / "other", revision))
    assert engine.adapters == {}


async def test_an_engine_that_takes_none_answers_without(folder: Path) -> None:
    engine = EchoEngine()
    ours = EngineWardrobe(engine, None)

    assert not await ours.wear("fitting", write(folder / "fitting", engine.revision))
    assert ours.knows("fitting")
