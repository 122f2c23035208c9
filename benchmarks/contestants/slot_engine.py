"""The contestant of this project: `dialogue.engine` as a worker runs it, asked for many texts at the same time.

Each measurement has an engine of its own, with an empty cache, on the weights that were loaded once. Turning text into
tokens and tokens into text is part of its time.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

from benchmarks import embedded_model
from benchmarks.contestants.answering import Measure, answer
from benchmarks.contestants.transcript import TEMPERATURE, TOP_K, TOP_P, prompts
from dialogue.engine.models.loading import LoadedModel
from dialogue.engine.models.projections import Int8Projection
from dialogue.engine.torch_engine import torch_engine
from dialogue.turns import Prompt, Sampling


def prepare() -> tuple[Measure, dict[str, Any]]:
    """Load the model and warm up."""
    loaded = embedded_model.load()
    loaded.vocabulary.ends = frozenset()  # Everybody writes the same number of tokens.

    def measure(chats: int, new_tokens: int, draw: int) -> dict[str, Any]:
        return {"took_s": asyncio.run(written_s(loaded, chats, new_tokens, draw))}

    measure(chats=2, new_tokens=4, draw=0)
    return measure, {"precision": loaded.precision, "weight_bytes": weight_bytes(loaded)}


async def written_s(loaded: LoadedModel, chats: int, new_tokens: int, draw: int) -> float:
    """Return how long it takes to write so many tokens in each chat.

    Args:
        draw: that of the first chat; the others count on from it.
    """
    sampling = Sampling(temperature=TEMPERATURE, top_k=TOP_K, top_p=TOP_P, max_new_tokens=new_tokens)
    asked = [Prompt(text, (), sampling, draw + chat) for chat, text in enumerate(prompts(chats))]
    async with torch_engine(loaded, slots=chats) as engine:
        began = time.perf_counter()
        completions = await asyncio.gather(*(engine.generate(each, _ignore) for each in asked))
        took_s = time.perf_counter() - began
    assert [each.new_tokens for each in completions] == [new_tokens] * chats
    return took_s


def weight_bytes(loaded: LoadedModel) -> int:
    """Return how many bytes of weights a step has to read: every matrix once; of the embedding a few rows only."""
    narrow = [module for module in loaded.model.modules() if isinstance(module, Int8Projection)]
    if narrow:
        return sum(module.in_features * module.out_features for module in narrow)
    return sum(weight.numel() * weight.element_size() for weight in loaded.model.parameters())


def _ignore(text: str) -> None:
    """Show a draft to nobody."""


if __name__ == "__main__":
    answer(prepare)
