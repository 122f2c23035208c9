"""The contestant that everybody has: `generate()` of transformers in bfloat16, one chat after the other.

`python -m benchmarks.contestants.one_by_one FOLDER`
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

from benchmarks.contestants.answering import Measure, answer
from benchmarks.contestants.transcript import TEMPERATURE, TOP_K, TOP_P, prompts
from benchmarks.results import usable_cores


def prepare() -> tuple[Measure, dict[str, Any]]:
    """Load the model and warm up."""
    torch.set_num_threads(usable_cores())
    folder = Path(sys.argv[1])
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"))
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16).eval()

    def measure(chats: int, new_tokens: int, draw: int) -> dict[str, Any]:
        torch.manual_seed(draw)
        began = time.perf_counter()
        for text in prompts(chats):
            tokens = tokenizer(text, return_tensors="pt").input_ids
            written = model.generate(
                tokens,
                max_new_tokens=new_tokens,
                do_sample=True,
                temperature=TEMPERATURE,
                top_k=TOP_K,
                top_p=TOP_P,
                eos_token_id=None,
                pad_token_id=0,
            )
            assert written.shape[1] == tokens.shape[1] + new_tokens
        return {"took_s": time.perf_counter() - began}

    measure(chats=1, new_tokens=4, draw=0)
    return measure, {}


if __name__ == "__main__":
    with torch.inference_mode():
        answer(prepare)
