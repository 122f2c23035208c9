"""One point of `benchmarks.growth`, in a process of its own, so that its memory is its own as well.

`python -m benchmarks.growth_point MODEL CHATS CONTEXT_TOKENS`, where MODEL is `embedded` or one of `SHAPES`. It is
asked as a contestant is: see `benchmarks.contestants`.
"""

from __future__ import annotations

import re
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models
from transformers import AutoConfig, AutoModelForCausalLM

from benchmarks import embedded_model
from benchmarks.contestants.answering import Measure, answer
from dialogue.engine.models.loading import LoadedModel, bytes_per_token, prepared
from dialogue.engine.slots.batch import Batch
from dialogue.engine.slots.request import Request
from dialogue.engine.slots.slot_model import SlotModel
from dialogue.engine.vocabulary import Vocabulary
from dialogue.forms import SeedKind
from dialogue.seeds import load_seeds
from dialogue.turns import Prompt, Sampling

EMBEDDED = "embedded"

# Of Llama's kind, with the words and the proportions of small models in use: about 30, 100 and 300 million parameters.
_WORDS = 32_000
SHAPES: dict[str, dict[str, int]] = {
    "30m": {"hidden_size": 384, "intermediate_size": 1024, "num_hidden_layers": 11, "num_attention_heads": 6},
    "100m": {"hidden_size": 768, "intermediate_size": 2048, "num_hidden_layers": 12, "num_attention_heads": 12},
    "300m": {"hidden_size": 1024, "intermediate_size": 2816, "num_hidden_layers": 23, "num_attention_heads": 16},
}
_HEADS_PER_KEY = 2

# The worker keeps as many rows for dialogues whose people are typing as for those that are written.
_ROWS_PER_CHAT = 2
_SAMPLING = Sampling()


def prepare() -> tuple[Measure, dict[str, Any]]:
    """Make the model and everything that a measurement finds there."""
    name, chats, context_tokens = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    loaded = embedded_model.load() if name == EMBEDDED else random_model(name)
    loaded.vocabulary.ends = frozenset()
    tokens = context(loaded, context_tokens)

    def measure(new_tokens: int, draw: int) -> dict[str, Any]:
        rows, row_tokens = _ROWS_PER_CHAT * chats, context_tokens + new_tokens
        model = SlotModel(loaded.model, rows, row_tokens, loaded.dtype, loaded.rack)
        with torch.inference_mode():
            read_s, written, write_s = written_s(model, loaded.vocabulary, tokens, chats, new_tokens, draw)
        return {
            "read_tok_s": context_tokens / read_s,
            "write_tok_s": written / write_s,
            "cache_mb": model.bytes_per_token * rows * (row_tokens + 1) / 1e6,
            "rss_mb": resident_mb(),
        }

    measure(new_tokens=4, draw=0)
    return measure, {"parameters_m": parameters_m(loaded), "precision": loaded.precision}


def written_s(
    model: SlotModel, vocabulary: Vocabulary, tokens: list[int], chats: int, new_tokens: int, draw: int
) -> tuple[float, int, float]:
    """Have the context read once, and then taken over and continued in all chats.

    Returns:
        The seconds until the first token after reading; how many tokens were written while all were writing, and in how
        many seconds.
    """
    batch = Batch(model, chats)
    began = time.perf_counter()
    batch.add(Request(Prompt("", (), replace(_SAMPLING, max_new_tokens=1), draw), tokens, vocabulary))
    while not batch.is_empty:
        batch.step()
    read_s = time.perf_counter() - began
    sampling = replace(_SAMPLING, max_new_tokens=new_tokens)
    requests = [Request(Prompt("", (), sampling, draw + chat), tokens, vocabulary) for chat in range(chats)]
    for request in requests:
        batch.add(request)
    while not all(request.new_tokens for request in requests):
        batch.step()
    before = sum(request.new_tokens for request in requests)
    began = time.perf_counter()
    while not any(request.is_over for request in requests):
        batch.step()
    write_s = time.perf_counter() - began
    return read_s, sum(request.new_tokens for request in requests) - before, write_s


def random_model(name: str) -> LoadedModel:
    """Return a model with random weights of 8 bits, and a vocabulary of numbers."""
    shape = SHAPES[name]
    config = AutoConfig.for_model(
        "llama",
        **shape,
        vocab_size=_WORDS,
        num_key_value_heads=shape["num_attention_heads"] // _HEADS_PER_KEY,
        tie_word_embeddings=True,
    )
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config, attn_implementation="sdpa").eval()
    rack = prepared(model, "int8")
    words = Tokenizer(models.WordLevel({str(number): number for number in range(_WORDS)}, unk_token="0"))
    per_token = bytes_per_token(model, torch.float32)
    return LoadedModel(model, Vocabulary(words), name, "", "cpu", 2048, "int8", torch.float32, rack, per_token)


def context(loaded: LoadedModel, tokens: int) -> list[int]:
    """Return so many tokens: of the seeds' texts, one after the other, or of chance for a model that knows no words."""
    if loaded.name in SHAPES:
        return torch.randint(_WORDS, (tokens,), generator=torch.Generator().manual_seed(0)).tolist()
    text = "\n".join(seed.text for seed in load_seeds() if seed.kind is SeedKind.DIALOGUE)
    encoded = loaded.vocabulary.encode_prompt(text)
    while len(encoded) < tokens:
        encoded += loaded.vocabulary.encode(text)
    return encoded[:tokens]


def parameters_m(loaded: LoadedModel) -> float:
    """Return how many millions of weights a step multiplies with."""
    matrices = [each for each in loaded.model.modules() if hasattr(each, "in_features") and not any(each.children())]
    return float(sum(each.in_features * each.out_features for each in matrices)) / 1e6


def resident_mb(status: Path = Path("/proc/self/status")) -> float | None:
    """Return this process's resident memory in 10^6 bytes; None where there is no /proc."""
    if not status.exists():
        return None
    found = re.search(r"VmRSS:\s+(\d+) kB", status.read_text("ascii"))
    return int(found[1]) * 1024 / 1e6 if found else None


if __name__ == "__main__":
    answer(prepare)
