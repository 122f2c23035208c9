from __future__ import annotations

import math

import pytest
import torch

from benchmarks.quality import Reading, read, rows
from tests.dialogue.engine.tiny import loaded, tiny_model

HALF = math.log(2)


def test_a_text_is_read_as_the_model_itself_would() -> None:
    model = tiny_model("llama")
    ours = loaded(model)
    text = "User1: Здравствуйте, не работает интернет.\nUser2: Hello! What is the trouble? " * 3
    tokens = ours.vocabulary.encode_prompt(text)
    told: list[int] = []

    with torch.inference_mode():
        [reading] = read(ours, [text], told.append)
        scores = model(torch.tensor([tokens])).logits[0, :-1].log_softmax(-1)

    expected = [-float(scores[place, token]) for place, token in enumerate(tokens[1:])]
    assert len(tokens) > 64  # More than one piece.
    assert reading.nats == pytest.approx(expected, abs=0.001)
    assert reading.tops == tuple(scores.argmax(-1).tolist())
    assert reading.chars == len(text)
    assert sum(told) == len(tokens) - 1


def test_a_row_is_over_all_texts_and_its_ranges_are_those_of_the_texts() -> None:
    exact = [Reading(6, (HALF, HALF), (1, 2)), Reading(2, (HALF,), (3,))]
    rough = [Reading(6, (2 * HALF, 2 * HALF), (1, 9)), Reading(2, (HALF,), (3,))]

    of_exact, of_rough = rows({"fp32": exact, "int8": rough})

    assert (of_exact["perplexity"], of_exact["over_fp32"], of_exact["same_top_share"]) == (2.0, 1.0, 1.0)
    assert (of_rough["texts"], of_rough["tokens"], of_rough["chars"]) == (2, 3, 8)
    assert of_rough["nats_per_token"] == round(5 * HALF / 3, 4)
    assert of_rough["nats_per_char"] == round(5 * HALF / 8, 4)
    assert of_rough["over_fp32"] == round(2 ** (2 / 3), 4)
    assert of_rough["over_fp32_range"] == [1.0, 2.0]
    assert (of_rough["same_top_share"], of_rough["same_top_share_range"]) == (round(2 / 3, 4), [0.5, 1.0])
