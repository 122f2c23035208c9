"""One operation for several gives the same, whatever the model's norms and activations are."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from dialogue.engine.models.fused import FusedNorm, fuse
from tests.dialogue.engine.tiny import CONFIGS, tiny_model

TOKENS = torch.arange(1, 41)[None]

# GPT-2 has an activation in each of its three layers; the others have two norms to four in a layer and one at the end,
# and Qwen 3 and Gemma 3 two for the heads as well.
REPLACED = {"gpt2": 3, "llama": 7, "qwen2": 7, "qwen3": 13, "mistral": 7, "gemma3_text": 37}


def logits(model: Any) -> Any:
    with torch.inference_mode():
        return model(input_ids=TOKENS, use_cache=False).logits


@pytest.mark.parametrize("kind", CONFIGS)
def test_a_model_gives_the_same_logits(kind: str) -> None:
    model = copy.deepcopy(tiny_model(kind))
    with torch.no_grad():  # Norms that have learned something.
        for name, weight in model.named_parameters():
            if "norm" in name:
                weight += torch.randn_like(weight) / 4
    expected = logits(model)

    assert fuse(model) == REPLACED[kind]

    assert ((logits(model) - expected).norm() / expected.norm()).item() < 1e-5


@pytest.mark.parametrize("kind", ["llama", "gemma3_text"])
def test_in_bfloat16_it_is_as_near_to_the_exact_logits_as_before(kind: str) -> None:
    exact = logits(tiny_model(kind))
    model = copy.deepcopy(tiny_model(kind)).bfloat16()
    before = (logits(model).float() - exact).norm()

    fuse(model)

    assert (logits(model).float() - exact).norm() < 1.2 * before


def test_a_gain_that_bfloat16_cannot_hold_is_kept_as_it_is() -> None:
    gain = torch.tensor([1.0, 1.001])
    rows = torch.ones(1, 2, dtype=torch.bfloat16)

    norm = FusedNorm(gain, 0.0, torch.bfloat16)

    assert norm.weight.dtype == torch.float32
    assert norm(rows).dtype == torch.bfloat16
    assert FusedNorm(gain.bfloat16().float(), 0.0, torch.bfloat16).weight.dtype == torch.bfloat16


def test_what_is_called_a_norm_and_does_something_else_stays() -> None:
    class LouderRMSNorm(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.ones(8))
            self.eps = 1e-6

        def forward(self, rows: Tensor) -> Tensor:
            return rows * self.weight * torch.rsqrt(rows.abs().mean(-1, keepdim=True) + self.eps)

    model = nn.Sequential(LouderRMSNorm())

    assert fuse(model) == 0
    assert isinstance(model[0], LouderRMSNorm)
