"""Slots and batch together: what they write is what the unbatched model writes."""

from __future__ import annotations

import random
from typing import Any

import pytest
import torch

from dialogue.engine.slots.batch import Batch
from dialogue.engine.slots.request import Request
from dialogue.engine.slots.slot_model import SlotModel
from dialogue.turns import Sampling
from tests.dialogue.engine.tiny import CONFIGS, loaded, prompt, tiny_model

PROMPTS = 200
WORDS = range(5, 256)


@pytest.mark.parametrize("kind", CONFIGS)
def test_greedy_texts_that_join_and_leave_at_random_are_those_of_generate(kind: str) -> None:
    model = tiny_model(kind)
    chance = random.Random(1)
    # Now and then one that is read in several pieces.
    lengths = [chance.randrange(2, 40) if number % 20 else chance.randrange(260, 400) for number in range(PROMPTS)]
    requests = [_request(model, chance.choices(WORDS, k=length), chance.randrange(1, 9)) for length in lengths]

    _write(Batch(SlotModel(model, slots=9, row_tokens=512), places=7), requests, chance)

    for request in requests:
        assert request.tokens == _generate(model, request)


@pytest.mark.parametrize("kind", CONFIGS)
def test_greedy_texts_that_reuse_keys_are_those_of_generate(kind: str) -> None:
    model = tiny_model(kind)
    chance = random.Random(2)
    seeds = [chance.choices(WORDS, k=length) for length in (40, 25)]
    dialogues = [[*chance.choice(seeds), *chance.choices(WORDS, k=6)] for _ in range(20)]
    batch = Batch(SlotModel(model, slots=9, row_tokens=512), places=7)
    written: list[Request] = []

    while len(written) < PROMPTS:
        turn = [_request(model, tokens, chance.randrange(1, 9)) for tokens in dialogues]
        _write(batch, turn, chance)
        written += turn
        # The next turn follows in the same dialogue, as a person would go on; now and then a retry, or another seed.
        for number, request in enumerate(turn):
            match chance.randrange(8):
                case 0:
                    dialogues[number] = request.tokens[: request.prompt_tokens]
                case 1:
                    dialogues[number] = [*chance.choice(seeds), *chance.choices(WORDS, k=6)]
                case _:
                    dialogues[number] = [*request.tokens, *chance.choices(WORDS, k=4)]

    assert sum(each.reused_tokens for each in written) > sum(each.prompt_tokens for each in written) / 2
    for request in written:
        assert request.tokens == _generate(model, request)


def test_a_model_computes_a_dialogue_with_adapters_and_without_in_one_batch() -> None:
    """Each row's adapter goes where the row goes; what adapters do is tested with them."""
    aimed: list[list[str | None]] = []

    class Rack:
        def aim(self, rows: list[str | None], tokens: int) -> None:
            aimed.append(list(rows))

    slots = SlotModel(tiny_model("llama"), slots=3, row_tokens=32, rack=Rack())  # type: ignore[arg-type]
    with torch.inference_mode():
        slots.read(0, [0, 0], [[5, 6], [7, 8, 9]], ["polite", None])
        slots.next_logits(0, [2, 3], [5, 6])

    assert aimed == [["polite", None], [None, None]]


def _write(batch: Batch, requests: list[Request], chance: random.Random) -> None:
    coming = list(requests)
    with torch.inference_mode():
        while coming or not batch.is_empty:
            while coming and chance.random() < 0.4:
                batch.add(coming.pop())
            batch.step()


def _request(model: Any, tokens: list[int], new: int) -> Request:
    return Request(prompt("", Sampling(temperature=0, max_new_tokens=new)), tokens, loaded(model).vocabulary)


def _generate(model: Any, request: Request) -> list[int]:
    """Return what transformers itself writes, the prompt included."""
    read = torch.tensor([request.tokens[: request.prompt_tokens]])
    new = request.sampling.max_new_tokens
    return [int(token) for token in model.generate(read, max_new_tokens=new, do_sample=False, pad_token_id=0)[0]]
