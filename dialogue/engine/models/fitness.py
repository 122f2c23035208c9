"""Finds out, by trying, whether the slot cache serves a model exactly."""

from __future__ import annotations

from typing import Any

import torch

from dialogue.engine.models.loading import INSTEAD
from dialogue.engine.slots.slot_model import SlotModel
from dialogue.errors import ModelRefused

# How far the logits of the same tokens may be apart, as a share of their length. Measured: at most 0.000001 in float32;
# without a mask 0.27 (Gemma 3 270M) to 0.72. The halves leave room for the rounding of deep models, which adds up.
TOLERANCE = {torch.bfloat16: 0.1, torch.float16: 0.05, torch.float32: 0.001}

_LONG, _SHORT = list(range(7, 16)), list(range(20, 25))


def check_fitness(model: Any, name: str) -> None:
    """Write two rows of different length through the slots and compare with the plain model.

    Models that place their tokens otherwise (BLOOM's ALiBi), keep a state instead of keys (Mamba) or answer differently
    with padding around them do not get through.

    Args:
        model: as transformers has loaded it.

    Raises:
        ModelRefused: the model cannot be served this way; the text says what to use instead.
    """
    try:
        with torch.inference_mode():
            plain = torch.cat([_plain_logits(model, tokens) for tokens in (_LONG, _SHORT)])
            slots = SlotModel(model, slots=2, row_tokens=16)
            slots.read(0, [0], [_LONG[:3]])
            slots.read(0, [3, 0], [_LONG[3:-1], _SHORT[:-1]])
            logits = slots.next_logits(0, [len(_LONG) - 1, len(_SHORT) - 1], [_LONG[-1], _SHORT[-1]])
    except Exception as error:  # Whatever a model does not take, it says in its own way.
        raise ModelRefused(f"{name} cannot be run with a cache of slots ({type(error).__name__}). {INSTEAD}") from error
    apart = ((logits - plain).norm(dim=-1) / plain.norm(dim=-1)).max()
    if not apart <= TOLERANCE[model.dtype]:
        raise ModelRefused(f"{name} writes otherwise with a cache of slots than without. {INSTEAD}")


def _plain_logits(model: Any, tokens: list[int]) -> torch.Tensor:
    read = torch.tensor([tokens], device=model.device)
    logits: torch.Tensor = model(input_ids=read, use_cache=False).logits
    return logits[:, -1].float()
