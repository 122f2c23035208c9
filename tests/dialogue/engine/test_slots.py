"""Slots and batch together: what they write is what the unbatched model writes."""

from __future__ import annotations

import random
from typing import Any

import pytest
import torch

from dialogue.engine.batch import PROMPT_TOKENS_PER_STEP, Batch
from dialogue.engine.request import Request
from dialogue.engine.slots import SlotModel
from dialogue.turns import Sampling
from tests.dialogue.engine.tiny import CONFIGS, loaded, prompt, tiny_model

LENGTHS = (7, 31, PROMPT_TOKENS_PER_STEP + 40, 18, 3)  # The third is read in two pieces.
NEW = (25, 4, 17, 9, 30)


@pytest.mark.parametrize("kind", CONFIGS)
def test_greedy_texts_that_join_and_leave_are_those_of_generate(kind: str) -> None:
    model = tiny_model(kind)
    chance = random.Random(1)
    prompts = [[chance.randrange(5, 256) for _ in range(length)] for length in LENGTHS]
    requests = [_request(model, tokens, new) for tokens, new in zip(prompts, NEW, strict=True)]
    batch = Batch(SlotModel(model, slots=3, row_tokens=512))

    with torch.inference_mode():
        for request in requests[:4]:
            batch.add(request)
        for _ in range(6):
            batch.step()
        batch.add(requests[4])
        while not batch.is_empty:
            batch.step()

    assert [request.tokens for request in requests] == [
        _generate(model, tokens, new) for tokens, new in zip(prompts, NEW, strict=True)
    ]


@pytest.mark.parametrize("kind", CONFIGS)
def test_texts_that_reuse_keys_are_those_of_generate(kind: str) -> None:
    model = tiny_model(kind)
    chance = random.Random(2)
    seed = [chance.randrange(5, 256) for _ in range(40)]
    dialogues = [[*seed, *[chance.randrange(5, 256) for _ in range(6)]] for _ in range(5)]
    batch = Batch(SlotModel(model, slots=3, row_tokens=512))
    written: list[Request] = []

    with torch.inference_mode():
        for turn in range(4):
            requests = [_request(model, tokens, 5 + turn) for tokens in dialogues]
            for request in requests:
                batch.add(request)
            while not batch.is_empty:
                batch.step()
            written += requests
            # The next turn follows in the same dialogue, as a person would go on, and in another order.
            dialogues = [[*request.tokens, *[chance.randrange(5, 256) for _ in range(4)]] for request in requests]
            chance.shuffle(dialogues)

    assert sum(each.reused_tokens for each in written) > sum(each.prompt_tokens for each in written) / 2
    for request in written:
        prompt_tokens = request.tokens[: request.prompt_tokens]
        assert request.tokens == _generate(model, prompt_tokens, request.sampling.max_new_tokens)


def _request(model: Any, tokens: list[int], new: int) -> Request:
    return Request(prompt("", Sampling(temperature=0, max_new_tokens=new)), tokens, loaded(model).vocabulary)


def _generate(model: Any, tokens: list[int], new: int) -> list[int]:
    written = model.generate(torch.tensor([tokens]), max_new_tokens=new, do_sample=False, pad_token_id=0)
    return [int(token) for token in written[0]]
