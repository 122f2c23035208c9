"""LLaMA-Factory reads in an export what was said, and learns of it what is to be learned."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.dialogue.engine.tiny import END
from tests.storage.export.readers.read_back import END_OF_TEXT, Read, parts, read_by, replies, text_of, tokens
from tests.storage.export.readers.said import CONVERSATIONS, LABELS, PAIRS, REPLIES, TRANSCRIPTS

PYTHON = os.environ.get("LLAMA_FACTORY_PYTHON")
if not PYTHON:
    pytest.skip("LLAMA_FACTORY_PYTHON names no Python that has it; see docs/export.md", allow_module_level=True)

STAGES_AND_TEMPLATES = {
    "transcript": "pt:empty",
    "prompt-completion": "sft:empty",
    "sharegpt": "sft:default",
    "columns": "sft:default",
    "messages": "sft:default",
    "alpaca": "sft:default",
    "qa": "sft:empty",
    "json-qa": "sft:default",
    "dpo": "rm:empty",
    "kto": "kto:empty",
}


@pytest.fixture(scope="module")
def llama_factory(exports: Path) -> Read:
    """What it gives to a trainer, by the names in its registry."""
    names = [f"{name}:{how}" for name, how in STAGES_AND_TEMPLATES.items()]
    return read_by(str(PYTHON), "read_by_llama_factory.py", exports, names)


def test_it_finds_every_file_of_its_registry_and_drops_no_row(llama_factory: Read, exports: Path) -> None:
    known = json.loads((exports / "dataset_info.json").read_text())

    assert set(known) == set(STAGES_AND_TEMPLATES)
    for name in known:
        rows = json.loads((exports / f"{known[name]['file_name']}.manifest.json").read_text())["files"][0]["rows"]
        assert len(llama_factory[name]) == len(llama_factory[f"{name}, converted"]) == rows > 0


@pytest.mark.parametrize("name", ["sharegpt", "columns", "messages", "alpaca"])
def test_it_finds_roles_system_and_history_and_no_call_of_a_tool(llama_factory: Read, name: str) -> None:
    converted = llama_factory[f"{name}, converted"]
    found = []
    for row in converted:
        messages = row["_prompt"] + row["_response"]
        found.append((row["_system"], [(each["role"], each["content"]) for each in messages]))

    assert sorted(found) == sorted(CONVERSATIONS)
    assert not any(row[each] for row in converted for each in ("_tools", "_images", "_videos", "_audios"))


@pytest.mark.parametrize("name", ["sharegpt", "columns", "messages", "alpaca"])
def test_it_learns_what_the_assistant_says_and_its_ends(llama_factory: Read, name: str) -> None:
    learned = [[text for is_learned, text in parts(row) if is_learned] for row in llama_factory[name]]

    assert sorted(learned) == sorted([f"{text}{END_OF_TEXT}\n" for text in replies(said)] for _, said in CONVERSATIONS)


def test_it_learns_a_reply_behind_the_tokens_that_were_served(llama_factory: Read) -> None:
    rows = llama_factory["prompt-completion, split"]

    assert sorted(parts(row) for row in rows) == sorted([(False, prompt), (True, reply)] for prompt, reply in REPLIES)
    assert sorted(row["input_ids"] for row in rows) == sorted(tokens(f"{prompt}{reply}") for prompt, reply in REPLIES)


def test_it_ends_a_transcript_and_no_reply_behind_an_empty_template(llama_factory: Read) -> None:
    transcripts = [row["input_ids"] for row in llama_factory["transcript"]]

    assert sorted(map(text_of, transcripts)) == sorted(f"{text}{END_OF_TEXT}" for text in TRANSCRIPTS)
    assert {ids[-1] for ids in transcripts} == {END}
    assert all(row["input_ids"][-1] != END for row in llama_factory["prompt-completion"])


def test_it_reads_pairs_and_labels(llama_factory: Read) -> None:
    pairs = [
        (*(text for _, text in parts(row, "chosen_")), parts(row, "rejected_")[-1][1]) for row in llama_factory["dpo"]
    ]
    labels = [(*(text for _, text in parts(row)), row["kto_tags"]) for row in llama_factory["kto"]]

    assert sorted(pairs) == sorted(PAIRS)
    assert sorted(labels) == sorted(LABELS)


def test_it_takes_words_for_special_tokens_unless_told_not_to(llama_factory: Read) -> None:
    assert any(END in row["input_ids"] for row in llama_factory["prompt-completion"])
    assert not any(END in row["input_ids"] for row in llama_factory["prompt-completion, split"])
    # Then the end of text that it adds to transcripts is words as well.
    assert not any(END in row["input_ids"] for row in llama_factory["transcript, split"])
