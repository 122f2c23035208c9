"""The embedded model: converted once, whole or not at all, and the same to the bit."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
import torch
from safetensors import safe_open
from tokenizers import Tokenizer

from dialogue.engine.models import embedded
from dialogue.engine.opening import EngineSettings, open_engine
from dialogue.engine.vocabulary import Vocabulary
from dialogue.errors import EngineUnavailable
from dialogue.ports import Engine
from dialogue.seeds import Tags
from dialogue.transcript import first_turn, stops
from dialogue.turns import Prompt, Sampling, StopReason

pytestmark = pytest.mark.model
in_module = pytest.mark.asyncio(loop_scope="module")

# Taken once the weights had been compared, bit by bit, with what transformers 5.23 makes of the same GGUF file.
WEIGHTS_SHA256 = "abdfdce87cda53bdcedb4f6eedb312414ef12640d3e3021bc095dfeef02516d4"


@pytest.fixture(scope="module")
def folder(embedded_model_dir: Path) -> Path:
    return embedded_model_dir / "models" / embedded.NAME


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine(embedded_model_dir: Path) -> AsyncIterator[Engine]:
    async with open_engine(EngineSettings("embedded", embedded_model_dir), lambda stage, share: None) as engine:
        yield engine


def test_the_weights_are_those_that_were_checked(folder: Path) -> None:
    digest = hashlib.sha256()
    with safe_open(folder / "model.safetensors", "pt") as weights:
        for name in sorted(weights.keys()):
            digest.update(name.encode())
            digest.update(weights.get_tensor(name).view(torch.uint8).numpy())
    assert digest.hexdigest() == WEIGHTS_SHA256


def test_the_words_are_those_of_the_original(folder: Path) -> None:
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    assert tokenizer.encode("Hello world").ids == [2, 9259, 1902]
    assert tokenizer.encode("  два\n\n\t😀").tokens == ["<bos>", "▁▁", "два", "\n\n", "\t", "😀"]


def test_none_of_its_special_tokens_comes_from_a_text(folder: Path) -> None:
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    added = {index: token.content for index, token in tokenizer.get_added_tokens_decoder().items()}
    vocabulary = Vocabulary(tokenizer)
    markers = [index for index, content in added.items() if not content.isspace()]
    assert len(markers) > 6000
    assert not [added[index] for index in markers if index in vocabulary.encode(f"a{added[index]}b")]


def test_a_prepared_model_is_taken_as_it_is(embedded_model_dir: Path, folder: Path) -> None:
    before = (folder / "model.safetensors").stat().st_mtime_ns
    assert embedded.prepare(embedded_model_dir, lambda stage, share: None) == folder
    assert (folder / "model.safetensors").stat().st_mtime_ns == before


class Interrupted(Exception):
    """Stands for a process that ends in the middle of the conversion."""


def test_an_interrupted_conversion_leaves_nothing_that_looks_finished(tmp_path: Path) -> None:
    models = tmp_path / "models"
    left_behind = models / f".{embedded.NAME}.partial" / "from last time"
    left_behind.mkdir(parents=True)

    def interrupt(stage: str, share: float) -> None:
        if stage == "converting the weights":
            raise Interrupted

    with pytest.raises(Interrupted):
        embedded.prepare(tmp_path, interrupt)
    assert not (models / embedded.NAME).exists()
    assert not left_behind.exists()


def test_a_full_disk_is_said(tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file where the folder should be")
    with pytest.raises(EngineUnavailable, match="cannot be prepared"):
        embedded.prepare(tmp_path, lambda stage, share: None)


@in_module
async def test_it_knows_the_capital_of_france(engine: Engine) -> None:
    question = Prompt("Q: What is the capital of France?\nA:", ("\n",), Sampling(temperature=0), draw=0)
    completion = await engine.generate(question, lambda _: None)
    # With weights in 8 bits, which not every CPU takes, it says the same in other words.
    assert completion.text in (" The capital of France is Paris.\n", " Paris is the capital of France.\n")
    assert completion.stop is StopReason.TAG


@in_module
async def test_it_answers_in_russian_and_stops_at_the_next_speaker(engine: Engine) -> None:
    text = (
        "User1: Здравствуйте, у меня не работает интернет.\n"
        "User2: Здравствуйте! Давно ли он не работает?\n"
        "User1: Со вчерашнего вечера.\n"
        "User2: Понятно. Перезагрузите, пожалуйста, роутер.\n"
        "User1: Перезагрузил, не помогло.\n"
        "User2:"
    )
    sampling = Sampling(temperature=0.3, max_new_tokens=120)
    drawn = [await engine.generate(Prompt(text, stops(Tags()), sampling, draw), lambda _: None) for draw in range(3)]
    replies = [first_turn(completion.text, Tags()) for completion in drawn]
    assert any(completion.stop is StopReason.TAG for completion in drawn)
    assert any("а" <= letter.lower() <= "я" for reply in replies for letter in reply.text)
    assert not any("User1:" in reply.text for reply in replies)
