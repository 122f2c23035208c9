"""Several processes prepare an export: it is the same one."""

from __future__ import annotations

import multiprocessing
from functools import partial

import pytest

from dialogue.errors import ExportError
from storage.export import preparing, processes
from storage.export.exporting import export
from storage.export.plan import Plan
from storage.export.reading import TalkReader
from storage.export.splits import parse_splits
from storage.export.wanted import Format
from tests.storage.export.studio import Studio

_SPLITS = parse_splits("train=0.7,test=0.3")


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have even a few dialogues prepared by other processes, one by one."""
    monkeypatch.setattr(processes, "_FEWEST_DIALOGUES", 1)
    monkeypatch.setattr(preparing, "TalkReader", partial(TalkReader, page=1))


async def talk_a_lot(studio: Studio) -> None:
    places = [await studio.place(number) for number in range(1, 10)]
    for number, place in enumerate(places):
        # Each two begin with the same words, of which something is to be replaced.
        await studio.exchange(place, f"Меня зовут Анна, мой номер +7 912 345-67-{number // 2:02}", "Проверяю, Анна.")
        await studio.exchange(place, f"Спасибо {number}", "Хорошего дня!")
    await studio.approve(*places)


@pytest.mark.usefixtures("small_pages")
async def test_several_processes_write_what_one_writes(studio: Studio) -> None:
    await talk_a_lot(studio)

    alone = await studio.export(Format.PROMPT_COMPLETION, "alone.jsonl", splits=_SPLITS)
    together = await studio.export(Format.PROMPT_COMPLETION, "together.jsonl", splits=_SPLITS, processes=2)

    for split in _SPLITS:
        files = [studio.folder / f"{name}.{split.name}.jsonl" for name in ("alone", "together")]
        assert files[0].read_bytes() == files[1].read_bytes() != b""
    assert together.facts["counts"] == alone.facts["counts"]
    assert alone.facts["counts"]["rows"]["exact_duplicates"] > 0
    assert together.facts["personal_data"] == alone.facts["personal_data"]
    assert multiprocessing.active_children() == []


@pytest.mark.usefixtures("small_pages")
async def test_a_process_that_dies_ends_the_export(studio: Studio) -> None:
    await talk_a_lot(studio)

    def kill(stage: str, share: float) -> None:
        for child in multiprocessing.active_children():
            child.kill()

    plan = Plan(Format.JSONL, studio.folder / "out.jsonl", processes=2)
    with pytest.raises(ExportError, match="has died"):
        await export(studio.url, studio.seeds, plan, kill)
    assert list(studio.folder.iterdir()) == []
    assert multiprocessing.active_children() == []
