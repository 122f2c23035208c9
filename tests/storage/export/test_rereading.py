"""An export is read back as it was written, and not at all where it is another one now."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dialogue.errors import ExportError
from dialogue.learning.held_out import dialogues_of
from storage.export.rereading import reread, rows_of
from storage.export.splits import parse_splits
from storage.export.wanted import Format
from tests.storage.export.studio import Studio, lines


@pytest.fixture
async def talks(studio: Studio) -> Studio:
    """Two dialogues that begin alike; in the first of them a reply was corrected."""
    first, second = await studio.place(1), await studio.place(2)
    await studio.exchange(first, "привет", "Здравствуйте!")
    bad = await studio.exchange(first, "нет интернета", "Пока!")
    await studio.exchange(first, "как же так", "Очень жаль,\nсейчас проверю.")
    await studio.exchange(second, "привет", "Добрый день, чем помочь?")
    await studio.exchange(second, "всё работает", "Рады слышать!")
    await studio.judge(first, bad, correction="Сейчас посмотрю.")
    await studio.approve(first, second)
    return studio


@pytest.mark.parametrize("name", ["out.jsonl", "out.jsonl.zst", "out.parquet"])
async def test_rows_come_back_from_every_kind_of_file(talks: Studio, name: str) -> None:
    expected = await talks.rows(Format.PROMPT_COMPLETION)
    await talks.export(Format.PROMPT_COMPLETION, name)

    file = reread(talks.folder / name)

    assert list(rows_of(file)) == expected
    assert (file.format, file.rows, file.dialogues) == ("prompt-completion", 5, 2)
    assert set(file.seeds) == {"small-talk"}


@pytest.mark.parametrize("format", [Format.PROMPT_COMPLETION, Format.INPUT_OUTPUT])
async def test_both_formats_give_the_same_dialogues(talks: Studio, format: Format) -> None:
    await talks.export(format)
    file = reread(talks.folder / "out.jsonl")

    found = dialogues_of(rows_of(file), talks.seeds, file.format)

    assert len(found) == file.dialogues
    assert sorted([reply.text for reply in dialogue.replies] for dialogue in found) == [
        ["Добрый день, чем помочь?", "Рады слышать!"],
        ["Здравствуйте!", "Сейчас посмотрю.", "Очень жаль,\nсейчас проверю."],
    ]


async def test_the_file_of_a_split_is_found_in_the_manifest_of_all(talks: Studio) -> None:
    await talks.export(Format.PROMPT_COMPLETION, "data.jsonl", splits=parse_splits("train=0.5,test=0.5"))

    file = reread(talks.folder / "data.test.jsonl")

    assert (file.split, file.manifest.name) == ("test", "data.jsonl.manifest.json")
    assert len(list(rows_of(file))) == file.rows == len(lines(file.path))


async def test_a_file_that_was_changed_is_refused(talks: Studio) -> None:
    await talks.export(Format.PROMPT_COMPLETION)
    path = talks.folder / "out.jsonl"
    path.write_bytes(path.read_bytes().replace("Рады".encode(), "Рада".encode()))

    with pytest.raises(ExportError, match="its SHA-256 is another"):
        reread(path)


def test_a_file_that_no_manifest_names_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_text("{}\n")
    (tmp_path / "other.jsonl.manifest.json").write_text(json.dumps({"version": 1, "files": []}))
    (tmp_path / "broken.manifest.json").write_text("no")

    with pytest.raises(ExportError, match="no manifest"):
        reread(path)
    with pytest.raises(ExportError, match="there is no file"):
        reread(tmp_path / "none.jsonl")


@pytest.mark.parametrize("content", [b"no json\n", b"[1]\n"])
async def test_a_line_that_is_no_row_is_named(talks: Studio, content: bytes) -> None:
    await talks.export(Format.PROMPT_COMPLETION)
    file = reread(talks.folder / "out.jsonl")
    file.path.write_bytes(content)

    with pytest.raises(ExportError, match="line 1"):
        list(rows_of(file))
