"""G32: LLaMA-Factory and Axolotl read in an export what was said, and learn of it what is to be learned."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoConfig, PreTrainedTokenizerFast

from dialogue.engine.vocabulary import Vocabulary
from dialogue.seeds import Seeds
from storage.export.wanted import Format
from storage.log.sql_log import sql_log
from tests.dialogue.engine.tiny import CONFIGS, END, tiny_tokenizer
from tests.storage.conftest import Clock
from tests.storage.export.readers.said import CONVERSATIONS, LABELS, PAIRS, REPLIES, SEGMENTS, TRANSCRIPTS, say
from tests.storage.export.studio import ENGLISH, SUPPORT, Studio
from tests.storage.log.places import an_operator

Row = dict[str, Any]
Read = dict[str, list[Row]]

HERE = Path(__file__).parent
END_OF_TEXT = "<|endoftext|>"
MASKED = -100
READ_BY_LLAMA_FACTORY = {
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
READ_BY_AXOLOTL = (
    *("input-output.jsonl", "input-output.jsonl.zst", "input-output.parquet"),
    *("transcript.jsonl", "messages.jsonl", "dpo.jsonl", "kto.jsonl"),
)


@pytest.fixture(scope="module")
def exports(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what was said in every format, and a tokenizer."""
    folder = tmp_path_factory.mktemp("exports")
    asyncio.run(_export(folder, Path(shutil.copy(sqlite_template, folder))))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=tiny_tokenizer(), eos_token=END_OF_TEXT, pad_token=END_OF_TEXT)
    tokenizer.save_pretrained(folder / "tokenizer")
    AutoConfig.for_model("llama", **CONFIGS["llama"]).save_pretrained(folder / "tokenizer")
    return folder


@pytest.fixture(scope="module")
def llama_factory(request: pytest.FixtureRequest) -> Read:
    """What LLaMA-Factory gives to a trainer, by the names in its registry."""
    arguments = [f"{name}:{how}" for name, how in READ_BY_LLAMA_FACTORY.items()]
    return _read_by("LLAMA_FACTORY_PYTHON", "read_by_llama_factory.py", arguments, request)


@pytest.fixture(scope="module")
def axolotl(request: pytest.FixtureRequest) -> Read:
    """What Axolotl gives to a trainer, by the names of the files."""
    return _read_by("AXOLOTL_PYTHON", "read_by_axolotl.py", READ_BY_AXOLOTL, request)


def test_llama_factory_finds_every_file_of_its_registry_and_drops_no_row(llama_factory: Read, exports: Path) -> None:
    known = json.loads((exports / "dataset_info.json").read_text())

    assert set(known) == set(READ_BY_LLAMA_FACTORY)
    for name in known:
        rows = json.loads((exports / f"{known[name]['file_name']}.manifest.json").read_text())["files"][0]["rows"]
        assert len(llama_factory[name]) == len(llama_factory[f"{name}, converted"]) == rows > 0


@pytest.mark.parametrize("name", ["sharegpt", "columns", "messages", "alpaca"])
def test_llama_factory_finds_roles_system_and_history_and_no_call_of_a_tool(llama_factory: Read, name: str) -> None:
    converted = llama_factory[f"{name}, converted"]
    found = []
    for row in converted:
        messages = row["_prompt"] + row["_response"]
        found.append((row["_system"], [(each["role"], each["content"]) for each in messages]))

    assert sorted(found) == sorted(CONVERSATIONS)
    assert not any(row[each] for row in converted for each in ("_tools", "_images", "_videos", "_audios"))


@pytest.mark.parametrize("name", ["sharegpt", "columns", "messages", "alpaca"])
def test_llama_factory_learns_what_the_assistant_says_and_its_ends(llama_factory: Read, name: str) -> None:
    learned = [[text for is_learned, text in parts(row) if is_learned] for row in llama_factory[name]]

    assert sorted(learned) == sorted([f"{text}{END_OF_TEXT}\n" for text in replies(said)] for _, said in CONVERSATIONS)


def test_llama_factory_learns_a_reply_behind_the_tokens_that_were_served(llama_factory: Read) -> None:
    rows = llama_factory["prompt-completion, split"]

    assert sorted(parts(row) for row in rows) == sorted([(False, prompt), (True, reply)] for prompt, reply in REPLIES)
    assert sorted(row["input_ids"] for row in rows) == sorted(tokens(f"{prompt}{reply}") for prompt, reply in REPLIES)


def test_llama_factory_ends_a_transcript_and_no_reply_behind_an_empty_template(llama_factory: Read) -> None:
    transcripts = [row["input_ids"] for row in llama_factory["transcript"]]

    assert sorted(map(text_of, transcripts)) == sorted(f"{text}{END_OF_TEXT}" for text in TRANSCRIPTS)
    assert {ids[-1] for ids in transcripts} == {END}
    assert all(row["input_ids"][-1] != END for row in llama_factory["prompt-completion"])


def test_llama_factory_reads_pairs_and_labels(llama_factory: Read) -> None:
    pairs = [
        (*(text for _, text in parts(row, "chosen_")), parts(row, "rejected_")[-1][1]) for row in llama_factory["dpo"]
    ]
    labels = [(*(text for _, text in parts(row)), row["kto_tags"]) for row in llama_factory["kto"]]

    assert sorted(pairs) == sorted(PAIRS)
    assert sorted(labels) == sorted(LABELS)


@pytest.mark.parametrize("file", [name for name in READ_BY_AXOLOTL if name.startswith("input-output")])
def test_axolotl_learns_the_segments_with_the_label_and_makes_the_tokens_that_were_served(
    axolotl: Read, file: str
) -> None:
    rows = axolotl[f"{file}, split"]

    assert sorted(parts(row) for row in rows) == sorted(SEGMENTS)
    assert sorted(row["input_ids"] for row in rows) == sorted(
        tokens("".join(text for _, text in segments)) for segments in SEGMENTS
    )


def test_axolotl_learns_whole_transcripts_and_ends_them(axolotl: Read) -> None:
    rows = axolotl["transcript.jsonl"]

    assert sorted(parts(row) for row in rows) == sorted([(True, f"{text}{END_OF_TEXT}")] for text in TRANSCRIPTS)
    assert {row["input_ids"][-1] for row in rows} == {END}


def test_axolotl_learns_the_assistants_messages_and_their_ends(axolotl: Read) -> None:
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


def test_axolotl_reads_pairs_and_labels(axolotl: Read) -> None:
    pairs = [(row["prompt"], row["chosen"], row["rejected"]) for row in axolotl["dpo.jsonl"]]
    labels = [(row["prompt"], row["completion"], row["label"]) for row in axolotl["kto.jsonl"]]

    assert sorted(pairs) == sorted(PAIRS)
    assert sorted(labels) == sorted(LABELS)


@pytest.mark.parametrize(
    ("reader", "name"), [("llama_factory", "prompt-completion"), ("axolotl", "input-output.jsonl")]
)
def test_words_are_no_special_token_only_where_the_tokenizer_is_told_so(
    reader: str, name: str, request: pytest.FixtureRequest
) -> None:
    read: Read = request.getfixturevalue(reader)

    assert any(END in row["input_ids"] for row in read[name])
    assert not any(END in row["input_ids"] for row in read[f"{name}, split"])


def replies(said: list[tuple[str, str]]) -> list[str]:
    return [text for role, text in said if role == "assistant"]


def tokens(text: str) -> list[int]:
    """Return the tokens that the engine makes of a text."""
    return Vocabulary(tiny_tokenizer()).encode(text)


def text_of(ids: Sequence[int]) -> str:
    return str(tiny_tokenizer().decode(ids, skip_special_tokens=False))


def parts(row: Row, prefix: str = "") -> list[tuple[bool, str]]:
    """Return what is masked of a row and what is learned, in order."""
    ids, labels = row[f"{prefix}input_ids"], row[f"{prefix}labels"]
    assert all(label in (MASKED, id) for id, label in zip(ids, labels, strict=True))
    groups = groupby(zip(ids, labels, strict=True), key=lambda pair: pair[1] != MASKED)
    return [(is_learned, text_of([id for id, _ in group])) for is_learned, group in groups]


async def _export(folder: Path, database: Path) -> None:
    clock, url = Clock(), f"sqlite:///{database}"
    async with sql_log(url, clock) as log:
        studio = Studio(log, url, folder, await an_operator(log, "Olga"), Seeds([SUPPORT, ENGLISH]))
        await say(studio, clock)
        for format in Format:
            if format is not Format.CSV:
                await studio.export(format, f"{format}.jsonl")
        await studio.export(Format.SHAREGPT, "columns.parquet")
        for ending in ("jsonl.zst", "parquet"):
            await studio.export(Format.INPUT_OUTPUT, f"{Format.INPUT_OUTPUT}.{ending}")


def _read_by(variable: str, script: str, arguments: Sequence[str], request: pytest.FixtureRequest) -> Read:
    python = os.environ.get(variable)
    if not python:
        pytest.skip(f"{variable} names no Python that has the reader; see docs/export.md")
    exports: Path = request.getfixturevalue("exports")
    hub = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(exports / "hub")}
    command = [python, str(HERE / script), str(exports), *arguments]
    done = subprocess.run(command, env=os.environ | hub, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-5_000:]
    read: Read = json.loads((exports / "read.json").read_text())
    return read
