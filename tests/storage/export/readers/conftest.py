"""What was said, exported in every format."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from transformers import AutoConfig, PreTrainedTokenizerFast

from dialogue.seeds import Seeds
from storage.export.wanted import Format
from storage.log.sql_log import sql_log
from tests.dialogue.engine.tiny import CONFIGS, tiny_tokenizer
from tests.storage.conftest import Clock
from tests.storage.export.readers.read_back import END_OF_TEXT
from tests.storage.export.readers.said import say
from tests.storage.export.studio import ENGLISH, SUPPORT, Studio
from tests.storage.log.empty import empty_log
from tests.storage.log.places import an_operator


@pytest.fixture(scope="session")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what was said in every format, and a tokenizer."""
    folder = tmp_path_factory.mktemp("exports")
    asyncio.run(_export(folder, empty_log(folder / "log.db")))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=tiny_tokenizer(), eos_token=END_OF_TEXT, pad_token=END_OF_TEXT)
    tokenizer.save_pretrained(folder / "tokenizer")
    shape = AutoConfig.for_model("llama", architectures=["LlamaForCausalLM"], **CONFIGS["llama"])
    shape.save_pretrained(folder / "tokenizer")
    return folder


async def _export(folder: Path, url: str) -> None:
    clock = Clock()
    async with sql_log(url, clock) as log:
        studio = Studio(log, url, folder, await an_operator(log, "Olga"), Seeds([SUPPORT, ENGLISH]))
        await say(studio, clock)
        for format in Format:
            if format is not Format.CSV:
                await studio.export(format, f"{format}.jsonl")
        await studio.export(Format.SHAREGPT, "columns.parquet")
        for ending in ("jsonl.zst", "parquet"):
            await studio.export(Format.INPUT_OUTPUT, f"{Format.INPUT_OUTPUT}.{ending}")
