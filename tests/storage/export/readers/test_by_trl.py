"""TRL reads in an export what was said, and learns of it what is to be learned."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.storage.export.readers.read_back import END_OF_TEXT, Read, parts, read_by, text_of
from tests.storage.export.readers.said import LABELS, PAIRS, REPLIES, TRANSCRIPTS

FILES = ("prompt-completion.jsonl", "transcript.jsonl", "dpo.jsonl", "kto.jsonl")


@pytest.fixture(scope="module")
def trl(exports: Path) -> Read:
    """What its trainers learn from, by the names of the files."""
    return read_by(sys.executable, "read_by_trl.py", exports, FILES)


def test_it_learns_each_reply_with_its_end_behind_the_prompt(trl: Read) -> None:
    found = [parts(row) for row in trl["prompt-completion.jsonl"]]

    assert sorted(found) == sorted([(False, prompt), (True, f"{reply}{END_OF_TEXT}")] for prompt, reply in REPLIES)


def test_it_learns_whole_transcripts_and_ends_them(trl: Read) -> None:
    found = [parts(row) for row in trl["transcript.jsonl"]]

    assert sorted(found) == sorted([(True, f"{text}{END_OF_TEXT}")] for text in TRANSCRIPTS)


def test_it_reads_pairs_and_labels_and_ends_them(trl: Read) -> None:
    columns = ("prompt_ids", "chosen_ids", "rejected_ids")
    pairs = [tuple(text_of(row[column]) for column in columns) for row in trl["dpo.jsonl"]]
    labels = [(text_of(row["prompt_ids"]), text_of(row["completion_ids"]), row["label"]) for row in trl["kto.jsonl"]]

    assert sorted(pairs) == sorted((prompt, f"{yes}{END_OF_TEXT}", f"{no}{END_OF_TEXT}") for prompt, yes, no in PAIRS)
    assert sorted(labels) == sorted((prompt, f"{reply}{END_OF_TEXT}", is_good) for prompt, reply, is_good in LABELS)
