"""Lean layers do what the layers of transformers do, or are not used."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from dialogue.engine.models.int8 import is_lean, use_lean_layers
from dialogue.engine.models.lean_layer import gelu_tanh
from dialogue.engine.models.projections import FloatProjection
from dialogue.engine.slots.slot_model import SlotModel
from tests.dialogue.engine.tiny import CONFIGS, WORDS, random_model, tiny_model

LLAMAS = sorted(set(CONFIGS) - {"gpt2"})


@pytest.fixture(autouse=True)
def inference() -> Iterator[None]:
    with torch.inference_mode():
        yield


def lean(model: Any) -> Any:
    made = copy.deepcopy(model)
    assert use_lean_layers(made, lambda matrix, parts: FloatProjection(matrix))
    return made


def logits(model: Any) -> torch.Tensor:
    """Return what the model says behind two texts of different length, read in pieces, beyond Gemma's window."""
    slots = SlotModel(model, slots=3, row_tokens=64, cache_dtype=torch.float32)
    slots.read(1, [0], [list(range(30, 50))])
    slots.read(1, [20, 0], [list(range(50, 55)), list(range(60, 77))])
    return slots.next_logits(1, [25, 17], [9, 8])


@pytest.mark.parametrize("kind", LLAMAS)
def test_lean_layers_say_what_the_layers_of_transformers_say(kind: str) -> None:
    model = tiny_model(kind)
    assert torch.allclose(logits(lean(model)), logits(model), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    "bias", [{"attention_bias": True}, {"mlp_bias": True}, {"attention_bias": True, "mlp_bias": True}]
)
def test_biases_are_not_lost(bias: dict[str, bool]) -> None:
    model = random_model("llama", **CONFIGS["llama"], **bias)
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            torch.nn.init.normal_(parameter)
    assert torch.allclose(logits(lean(model)), logits(model), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    ("kind", "config"),
    [
        ("gpt2", CONFIGS["gpt2"]),
        # It caps its scores, which lean layers do not:
        ("gemma2", {**CONFIGS["gemma3_text"], "attn_logit_softcapping": 1.0, "query_pre_attn_scalar": 16}),
        # Not every channel of a head is turned:
        ("stablelm", {**CONFIGS["llama"], "partial_rotary_factor": 0.25}),
        ("gpt_neox", {"vocab_size": WORDS, "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}),
    ],
)
def test_layers_that_do_something_else_stay_as_they_are(kind: str, config: dict[str, Any]) -> None:
    model = random_model(kind, **config)
    layers = [type(layer) for layer in model.base_model.modules()]
    assert not use_lean_layers(model, lambda matrix, parts: FloatProjection(matrix))
    assert [type(layer) for layer in model.base_model.modules()] == layers
    assert not is_lean(model)


def test_the_gelu_through_the_sigmoid_is_that_through_the_tanh() -> None:
    x = torch.linspace(-9, 9, 1001)
    assert torch.allclose(gelu_tanh(x), torch.nn.functional.gelu(x, approximate="tanh"), atol=1e-6)
