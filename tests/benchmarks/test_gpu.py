from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.utils import logging as transformers_logging

from benchmarks.gpu import roofline
from benchmarks.gpu.bench import Bench, row
from benchmarks.gpu.plan import LARGE, TINY, prompts, save_random_model, text_of
from benchmarks.results import ROOT
from dialogue.engine.vocabulary import Vocabulary
from tests.dialogue.engine.tiny import CONFIGS, tiny_model

CPU = torch.device("cpu")


@pytest.fixture
def as_loud_as_before() -> Iterator[None]:
    level = transformers_logging.get_verbosity()
    yield
    transformers_logging.set_verbosity(level)
    transformers_logging.enable_progress_bar()


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the benchmark where there is no GPU."""
    command = [sys.executable, "-m", "benchmarks.gpu", *arguments]
    env = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)


def test_everything_is_measured_and_kept_in_a_trial_on_a_cpu(tmp_path: Path) -> None:
    done = run("--cpu", "--tiny", "--out", str(tmp_path))

    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads((tmp_path / "engine-gpu.json").read_text("utf-8"))
    assert result["machine"]["gpu"].startswith("CPU")
    assert [each["dialogues"] for each in result["rows"]] == list(TINY.dialogues)
    for each in result["rows"]:
        for figure in ("engine_tok_s", "transformers_cb_tok_s", "generate_tok_s", "roofline_share", "turns_per_s"):
            assert each[figure] is not None
            assert len(each[f"{figure}_range"]) == 2


def test_without_a_gpu_it_says_so_in_one_sentence() -> None:
    done = run()

    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "no GPU" in done.stderr


def test_the_model_is_that_of_rugpt3_large_with_600_tokens_of_context() -> None:
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(
            AutoConfig.for_model("gpt2", **LARGE.shape), dtype=torch.bfloat16, attn_implementation="sdpa"
        )

    assert sum(weight.numel() for weight in model.parameters()) == pytest.approx(760e6, rel=0.01)
    assert roofline.key_bytes(model) == 147_456
    assert LARGE.prompt_tokens + (LARGE.short + LARGE.long) / 2 == 600


def test_a_step_reads_all_weights_but_the_positions() -> None:
    model = tiny_model("gpt2")

    weights = sum(weight.numel() for weight in model.parameters())

    assert roofline.weight_bytes(model) == 4 * (weights - CONFIGS["gpt2"]["n_positions"] * CONFIGS["gpt2"]["n_embd"])


def test_the_memory_is_read_at_some_speed() -> None:
    assert 0.1 < roofline.bandwidth_gb_s(CPU) < 10_000


@pytest.mark.usefixtures("as_loud_as_before")
def test_every_word_of_the_vocabulary_is_a_token(tmp_path: Path) -> None:
    transformers_logging.disable_progress_bar()
    save_random_model(TINY, tmp_path, CPU, torch.float32)
    vocabulary = Vocabulary(Tokenizer.from_file(str(tmp_path / "tokenizer.json")))

    asked = prompts(TINY, 5, random.Random(1))

    assert {len(tokens) for tokens in asked} == {TINY.prompt_tokens}
    assert len({tokens[0] for tokens in asked}) == 5
    assert [vocabulary.encode_prompt(text_of(tokens)) for tokens in asked] == asked
    assert vocabulary.decode(asked[0]) == text_of(asked[0])


def test_what_could_not_be_measured_is_null_and_so_is_what_follows_from_it() -> None:
    samples = {
        "engine_tok_s": [30.0, 10.0, 20.0],
        "generate_tok_s": [4.0],
        "transformers_cb_tok_s": [],
        "turns_per_s": [],
        "turns_per_s_without_reuse": [],
    }

    assert row(samples) == {
        "engine_tok_s": 20.0,
        "engine_tok_s_range": [10.0, 30.0],
        "generate_tok_s": 4.0,
        "generate_tok_s_range": [4.0, 4.0],
        "transformers_cb_tok_s": None,
        "turns_per_s": None,
        "turns_per_s_without_reuse": None,
        "over_generate": 5.0,
        "over_transformers_cb": None,
        "turns_per_s_ratio": None,
    }


@pytest.mark.usefixtures("as_loud_as_before")
def test_who_fails_is_named_and_the_next_is_measured_all_the_same(tmp_path: Path) -> None:
    # More dialogues than there are words for them to begin with.
    bench = Bench(replace(TINY, dialogues=(TINY.words + 1,)), CPU, tmp_path, lambda text: None)

    [each] = bench.rows()

    assert each["engine_tok_s"] is None
    assert each["roofline_share"] is None
    assert [failure.partition(" with ")[0] for failure in bench.failures] == [
        "the engine",
        "generate()",
        "continuous batching",
    ]
