"""Finds out, by trying, whether the slot cache serves a model exactly."""

from __future__ import annotations

import torch

from dialogue.engine.loading import INSTEAD, LoadedModel
from dialogue.engine.slots import SlotModel
from dialogue.errors import ModelRefused

# How far the logits of the same tokens may be apart, as a share of their length. Measured: at most 0.000001 in float32;
# without a mask 0.27 (Gemma 3 270M) to 0.72. The halves leave room for the rounding of deep models, which adds up.
TOLERANCE = {torch.bfloat16: 0.1, torch.float16: 0.05, torch.float32: 0.001}


def check_fitness(loaded: LoadedModel) -> None:
    """Write two rows of different length through the slots and compare with the plain model.

    Models that place their tokens otherwise (BLOOM's ALiBi), keep a state instead of keys (Mamba) or answer differently
    with padding around them do not get through.

    Raises:
        ModelRefused: the model cannot be served this way; the text says what to use instead.
    """
    long, short = list(range(7, 16)), list(range(20, 25))
    try:
        with torch.inference_mode():
            plain = torch.cat([_plain_logits(loaded, long), _plain_logits(loaded, short)])
            slots = SlotModel(loaded.model, slots=2, row_tokens=16)
            slots.next_logits([0], [0], [long[:-1]])
            slots.next_logits([1], [0], [short[:-1]])
            logits = slots.next_logits([0, 1], [len(long) - 1, len(short) - 1], [long[-1:], short[-1:]])
    except Exception as error:  # Whatever a model does not take, it says in its own way.
        raise ModelRefused(
            f"{loaded.name} cannot be run with a cache of slots ({type(error).__name__}). {INSTEAD}"
        ) from error
    apart = ((logits - plain).norm(dim=-1) / plain.norm(dim=-1)).max()
    if not apart <= TOLERANCE[loaded.model.dtype]:
        raise ModelRefused(f"{loaded.name} writes otherwise with a cache of slots than without. {INSTEAD}")


def _plain_logits(loaded: LoadedModel, tokens: list[int]) -> torch.Tensor:
    read = torch.tensor([tokens], device=loaded.model.device)
    logits: torch.Tensor = loaded.model(input_ids=read, use_cache=False).logits
    return logits[:, -1].float()
