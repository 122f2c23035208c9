"""Weights in 8 bits: how far they are from the real ones, and that a row never depends on its neighbours."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import pytest
import torch
from torch import nn

from dialogue.engine.models.adapters import Rack
from dialogue.engine.models.int8 import NarrowEmbedding, is_lean, quantise
from dialogue.engine.models.projections import Int8Linear, Int8Projection, int8_is_fast, level
from dialogue.engine.slots.slot_model import SlotModel
from tests.dialogue.engine.tiny import CONFIGS, tiny_model

pytestmark = pytest.mark.skipif(not int8_is_fast(), reason="this CPU has no fast 8-bit integers")


class GemmaEmbedding(nn.Embedding):
    scalar_embed_scale = 2.5


@pytest.fixture(autouse=True)
def inference() -> Iterator[None]:
    torch.manual_seed(1)
    with torch.inference_mode():
        yield


def test_a_product_is_off_by_two_hundredths_at_most() -> None:
    rows, weight = torch.randn(5, 640), torch.randn(96, 640)
    linear = Int8Linear(weight, bias := torch.randn(96))
    exact = rows @ weight.T + bias
    assert (linear(rows) - exact).norm() / exact.norm() < 0.02


def test_a_row_gives_the_same_to_the_bit_alone_and_among_others() -> None:
    rows = torch.randn(33, 640) * torch.logspace(-3, 3, 33)[:, None]
    linear = Int8Linear(torch.randn(96, 640), None)
    together = linear(rows)
    assert all(torch.equal(linear(rows[[row]])[0], together[row]) for row in range(33))


def test_a_row_of_zeros_gives_zeros() -> None:
    assert torch.equal(Int8Linear(torch.randn(8, 16), None)(torch.zeros(2, 16)), torch.zeros(2, 8))


def test_an_output_whose_weights_are_all_zero_gives_zero() -> None:
    weight = torch.randn(8, 16)
    weight[3] = 0
    assert torch.equal(Int8Projection(weight)(level(torch.randn(2, 16))[0])[:, 3], torch.zeros(2))


@pytest.mark.parametrize("kind", CONFIGS)
def test_a_quantised_model_says_nearly_what_the_model_says(kind: str) -> None:
    model = tiny_model(kind)
    narrow = copy.deepcopy(model)
    quantise(narrow, Rack(torch.float32, torch.device("cpu")))
    said = []
    for each in (model, narrow):
        slots = SlotModel(each, slots=2, row_tokens=64, cache_dtype=torch.float32)
        slots.read(0, [0, 0], [list(range(30, 50)), list(range(60, 67))])
        said.append(slots.next_logits(0, [20, 7], [9, 8]))
    assert is_lean(narrow) == (kind != "gpt2")
    assert (said[1] - said[0]).norm() / said[0].norm() < 0.15


@pytest.mark.parametrize("kind", ["llama", "gemma3_text"])
def test_whoever_is_beside_a_text_and_in_whatever_pieces_it_is_read_its_scores_are_the_same(kind: str) -> None:
    """Rounding to 8 bits makes differences of their neighbours large: keys in bfloat16 give 0.06 here."""
    narrow = copy.deepcopy(tiny_model(kind))
    quantise(narrow, Rack(torch.float32, torch.device("cpu")))
    text = list(range(30, 71))

    def slots() -> SlotModel:
        return SlotModel(narrow, slots=4, row_tokens=128, cache_dtype=torch.float32)

    alone, company = slots(), slots()
    alone.read(0, [0], [text[:-1]])
    company.read(1, [0, 0, 0], [list(range(90, 150)), text[:7], list(range(50, 99))])
    company.read(2, [7, 49], [text[7:-1], [3, 4, 5]])
    scores = company.guessed_logits(1, [60, len(text) - 1, 52], [[5, 6, 7], [text[-1], 9], [8]])
    scores_alone = alone.next_logits(0, [len(text) - 1], [text[-1]])[0]
    assert (scores[1, -2] - scores_alone).norm() / scores_alone.norm() < 0.001


@pytest.mark.parametrize("kind", ["llama", "gpt2"])
def test_every_matrix_of_a_quantised_model_is_in_8_bits(kind: str) -> None:
    narrow = copy.deepcopy(tiny_model(kind))
    quantise(narrow, Rack(torch.float32, torch.device("cpu")))
    wide = {name.split(".")[1] for name, parameter in narrow.named_parameters() if parameter.dim() > 1}
    assert wide <= {"embed_tokens", "wte", "wpe"}


def test_an_embedding_kept_in_bfloat16_gives_what_its_weights_give_in_float32() -> None:
    embedding = GemmaEmbedding(10, 6).bfloat16()
    narrow = NarrowEmbedding(embedding)
    assert torch.equal(narrow(torch.tensor([3, 4])), embedding.weight[3:5].float() * 2.5)
