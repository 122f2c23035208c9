"""The contestant within transformers: its continuous batching, in bfloat16.

`python -m benchmarks.contestants.continuous_batching FOLDER`
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, GenerationConfig, PreTrainedTokenizerFast
from transformers.generation.configuration_utils import ContinuousBatchingConfig

from benchmarks.contestants.answering import Measure, answer
from benchmarks.contestants.transcript import TEMPERATURE, TOP_K, TOP_P, prompts
from benchmarks.results import usable_cores

_PATIENCE_S = 600.0


def prepare() -> tuple[Measure, dict[str, Any]]:
    """Load the model and warm up."""
    torch.set_num_threads(usable_cores())
    folder = Path(sys.argv[1])
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"))
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16).eval()
    sampling = GenerationConfig(
        do_sample=True, temperature=TEMPERATURE, top_k=TOP_K, top_p=TOP_P, eos_token_id=-1, pad_token_id=0
    )

    def measure(chats: int, new_tokens: int, draw: int) -> dict[str, Any]:
        torch.manual_seed(draw)
        manager = model.init_continuous_batching(generation_config=sampling, continuous_batching_config=_room())
        manager.start()
        try:
            # Its cache is made by its own thread: once this is written, it is there.
            _written(manager, [tokenizer("a").input_ids], 1)
            began = time.perf_counter()
            written = _written(manager, [tokenizer(text).input_ids for text in prompts(chats)], new_tokens)
            took_s = time.perf_counter() - began
        finally:
            manager.stop(block=True)
        assert written == [new_tokens] * chats
        return {"took_s": took_s}

    measure(chats=2, new_tokens=4, draw=0)
    return measure, {}


def _room() -> ContinuousBatchingConfig:
    # A block of 256 tokens, which is its default, holds a chat of some 180; left alone, it would take most of the
    # memory. As all chats sample alike, they share the processors: with its own for each request, transformers sorts
    # the vocabulary a second time.
    return ContinuousBatchingConfig(num_blocks=64, max_batch_tokens=512, per_request_processors=False)


def _written(manager: Any, asked: list[list[int]], new_tokens: int) -> list[int]:
    """Return how many tokens were written behind each of the prompts."""
    deadline = time.monotonic() + _PATIENCE_S
    for tokens in asked:
        manager.add_request(tokens, max_new_tokens=new_tokens)
    counts: list[int] = []
    while len(counts) < len(asked):
        result = manager.get_result(timeout=1.0)
        if result is not None:
            assert result.error is None, result.error
            counts.append(len(result.generated_tokens))
        assert time.monotonic() < deadline, "nothing was written"
    return counts


if __name__ == "__main__":
    answer(prepare)
