"""Axolotl reads in an export what was said, and learns of it what is to be learned."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.dialogue.engine.tiny import END
from tests.storage.export.readers.read_back import END_OF_TEXT, Read, parts, read_by, tokens
from tests.storage.export.readers.said import CONVERSATIONS, LABELS, PAIRS, SEGMENTS, TRANSCRIPTS

PYTHON = os.environ.get("AXOLOTL_PYTHON")
if not PYTHON:
    pytest.skip("AXOLOTL_PYTHON names no Python that has it; see docs/export.md", allow_module_level=True)

FILES = (
    *("input-output.jsonl", "input-output.jsonl.zst", "input-output.parquet"),
    *("transcript.jsonl", "messages.jsonl", "dpo.jsonl", "kto.jsonl"),
)


@pytest.fixture(scope="module")
def axolotl(exports: Path) -> Read:
    """What it gives to a trainer, by the names of the files."""
    return read_by(str(PYTHON), "read_by_axolotl.py", exports, FILES)


@pytest.mark.parametrize("file", FILES[:3])
def test_it_learns_the_segments_with_the_label_and_makes_the_tokens_that_were_served(axolotl: Read, file: str) -> None:
    rows = axolotl[f"{file}, split"]

    assert sorted(parts(row) for row in rows) == sorted(SEGMENTS)
    assert sorted(row["input_ids"] for row in rows) == sorted(
        tokens("".join(text for _, text in segments)) for segments in SEGMENTS
    )


def test_it_learns_whole_transcripts_and_ends_them(axolotl: Read) -> None:
    rows = axolotl["transcript.jsonl"]

    assert sorted(parts(row) for row in rows) == sorted([(True, f"{text}{END_OF_TEXT}")] for text in TRANSCRIPTS)
    assert {row["input_ids"][-1] for row in rows} == {END}


def test_it_learns_the_assistants_messages_and_their_ends(axolotl: Read) -> None:
    wanted = []
    for system, said in CONVERSATIONS:
        spoken = f"<system>{system}{END_OF_TEXT}"
        row = []
        for role, text in said:
            spoken += f"<{role}>"
            if role == "assistant":
                row += [(False, spoken), (True, f"{text}{END_OF_TEXT}")]
                spoken = ""
            else:
                spoken += f"{text}{END_OF_TEXT}"
        wanted.append(row)

    assert sorted(parts(row) for row in axolotl["messages.jsonl"]) == sorted(wanted)


def test_it_reads_pairs_and_labels(axolotl: Read) -> None:
    pairs = [(row["prompt"], row["chosen"], row["rejected"]) for row in axolotl["dpo.jsonl"]]
    labels = [(row["prompt"], row["completion"], row["label"]) for row in axolotl["kto.jsonl"]]

    assert sorted(pairs) == sorted(PAIRS)
    assert sorted(labels) == sorted(LABELS)


def test_it_takes_words_for_special_tokens_unless_the_tokenizer_does_not(axolotl: Read) -> None:
    assert any(END in row["input_ids"] for row in axolotl["input-output.jsonl"])
    assert not any(END in row["input_ids"] for row in axolotl["input-output.jsonl, split"])
