"""Slots and batch together: what they write is what the unbatched model writes."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from dialogue.engine.models.adapter_file import read_adapter
from dialogue.engine.models.adapters import install
from dialogue.engine.slots.batch import CPU_STEP, Batch, StepSize
from dialogue.engine.slots.recorders import EagerRecorder, Recorder
from dialogue.engine.slots.request import Request
from dialogue.engine.slots.slot_model import SlotModel
from dialogue.turns import Sampling
from tests.dialogue.engine.random_adapters import write_adapter
from tests.dialogue.engine.slots.tape_recorder import TapeRecorder
from tests.dialogue.engine.tiny import CONFIGS, END, loaded, prompt, tiny_model

PROMPTS = 200
FEWER_PROMPTS = 60
WORDS = range(5, 256)

# One step ahead always, or where more than four are written.
ALWAYS_AHEAD = StepSize(CPU_STEP.prompt_tokens, cheap_tokens=1, works_aside=True)
OFTEN_AHEAD = StepSize(CPU_STEP.prompt_tokens, cheap_tokens=8, works_aside=True)


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


@pytest.mark.parametrize(
    ("kind", "size"), [*((kind, CPU_STEP) for kind in CONFIGS), ("gpt2", ALWAYS_AHEAD), ("llama", OFTEN_AHEAD)]
)
def test_greedy_texts_that_reuse_keys_are_the_likeliest(kind: str, size: StepSize) -> None:
    model = tiny_model(kind)
    chance = random.Random(2)
    seeds = [chance.choices(WORDS, k=length) for length in (40, 25)]
    dialogues = [[*chance.choice(seeds), *chance.choices(WORDS, k=6)] for _ in range(20)]
    recorder = EagerRecorder() if size.works_aside else None
    batch = Batch(SlotModel(model, slots=9, row_tokens=512, recorder=recorder), places=7, size=size)
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
        assert _written(request) == _likeliest(model, request)


@pytest.mark.parametrize(
    ("recorder", "size"),
    [(EagerRecorder, CPU_STEP), (TapeRecorder, OFTEN_AHEAD), (EagerRecorder, ALWAYS_AHEAD)],
    ids=["as they are", "replayed and often ahead", "always ahead"],
)
@pytest.mark.parametrize("kind", ["gpt2", "llama", "qwen3", "gemma3_text"])
def test_greedy_texts_written_in_steps_of_fixed_shapes_are_the_likeliest(
    kind: str, recorder: Callable[[], Recorder], size: StepSize
) -> None:
    model = tiny_model(kind)
    chance = random.Random(3)
    lengths = [
        chance.randrange(2, 40) if number % 20 else chance.randrange(240, 400) for number in range(FEWER_PROMPTS)
    ]
    requests = [_request(model, chance.choices(WORDS, k=length), chance.randrange(1, 9)) for length in lengths]

    slots = SlotModel(model, slots=9, row_tokens=512, recorder=recorder())
    _write(Batch(slots, places=7, size=size), requests, chance)

    for request in requests:
        assert _written(request) == _likeliest(model, request)


@pytest.mark.parametrize("kind", ["gpt2", "gemma3_text"])
def test_rows_that_only_fill_up_a_step_keep_what_they_hold(kind: str) -> None:
    slots = SlotModel(tiny_model(kind), slots=4, row_tokens=64, recorder=EagerRecorder())
    with torch.inference_mode():
        slots.read(0, [0] * 4, [list(range(30, 94))] * 4)  # The rows are full to the last token.
        before = slots.keep(3, 64)
        slots.guessed_logits(0, [5, 6, 7], [[8], [9, 10, 11], [12]])
        after = slots.keep(3, 64)

    for pairs in zip(before, after, strict=True):
        assert all(torch.equal(one, other) for one, other in zip(*pairs, strict=True))


def test_steps_of_fixed_shapes_give_logits_behind_each_token_that_was_guessed() -> None:
    tokens = [[8], [9, 10, 11]]
    logits = []
    for recorder in (None, TapeRecorder()):
        slots = SlotModel(tiny_model("llama"), slots=4, row_tokens=64, recorder=recorder)
        with torch.inference_mode():
            slots.read(0, [0, 0], [list(range(30, 50)), list(range(60, 77))])
            logits.append(slots.guessed_logits(0, [20, 17], tokens).clone())

    assert logits[1].shape == logits[0].shape
    assert torch.allclose(logits[1][0, -1], logits[0][0, -1], atol=1e-4)
    assert torch.allclose(logits[1][1], logits[0][1], atol=1e-4)


@pytest.mark.parametrize("kind", ["gpt2", "llama", "gemma3_text"])
def test_logits_behind_some_tokens_are_those_that_each_token_has(kind: str) -> None:
    tokens, wanted = list(range(60, 77)), [0, 5, 16]
    slots = SlotModel(tiny_model(kind), slots=1, row_tokens=64)
    with torch.inference_mode():
        slots.read(0, [0], [list(range(30, 50))])
        every = slots.guessed_logits(0, [20], [tokens])[0]
        some = slots.logits_behind(20, tokens, wanted)

    assert torch.allclose(some, every[wanted], atol=1e-5)


def test_what_is_recorded_with_adapters_holds_for_any_mixture_until_others_come(tmp_path: Path) -> None:
    model = copy.deepcopy(tiny_model("llama"))
    first, second, third = (
        read_adapter(write_adapter(tmp_path / str(number), model, seed=number)) for number in range(3)
    )
    rack = install(model)
    rack.add("a", first)
    rack.add("b", second)
    tape = TapeRecorder()
    slots = SlotModel(model, slots=4, row_tokens=64, rack=rack, recorder=tape)
    plain = SlotModel(model, slots=4, row_tokens=64, rack=rack)
    mixtures: list[list[str | None]] = [[None, None], ["a", None], ["b", "a"], ["b", "b"], [None, None]]
    start = 10

    def write(names: list[str | None]) -> None:
        nonlocal start
        replayed = slots.next_logits(0, [start, start], [7, 8], names).clone()
        assert torch.allclose(replayed, plain.next_logits(0, [start, start], [7, 8], names), rtol=1e-3, atol=1e-3)
        start += 1

    with torch.inference_mode():
        for each in (slots, plain):
            each.read(0, [0, 0], [list(range(30, 40))] * 2, [None, "a"])
        for names in mixtures:
            write(names)
        assert tape.recorded == 2  # Once with adapters, once without.
        rack.remove("a")
        rack.add("a", third)
        write(["a", "b"])
        guessed = [
            each.guessed_logits(0, [start] * 2, [[7, 8, 9], [5, 6, 7]], ["a", None]).clone() for each in (slots, plain)
        ]

    assert tape.recorded == 4
    assert torch.allclose(guessed[0], guessed[1], rtol=1e-3, atol=1e-3)


def test_a_model_that_was_reset_knows_nothing_and_writes_as_a_new_one() -> None:
    tape = TapeRecorder()
    slots = SlotModel(tiny_model("llama"), slots=2, row_tokens=64, recorder=tape)
    logits = []
    with torch.inference_mode():
        for _ in range(2):
            slots.read(0, [0], [[5, 6, 7]])
            logits.append(slots.next_logits(0, [3], [8]).clone())
            slots.reset()
        assert not any(keys.any() or values.any() for keys, values in slots.keep(0, 64))

    assert torch.equal(logits[0], logits[1])
    assert tape.recorded == 2


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


def _written(request: Request) -> list[int]:
    return request.tokens[request.prompt_tokens :]


def _likeliest(model: Any, request: Request) -> list[int]:
    """Return the likeliest token behind each one from the prompt's last on, up to the end of text or the most allowed.

    What a request has written is that exactly if `generate` writes the same, and one reading tells it.
    """
    with torch.inference_mode():
        logits = model(torch.tensor([request.tokens])).logits[0, request.prompt_tokens - 1 :]
    tokens: list[int] = logits.argmax(-1).tolist()
    end = tokens.index(END) + 1 if END in tokens else len(tokens)
    return tokens[: min(end, request.sampling.max_new_tokens)]


def _generate(model: Any, request: Request) -> list[int]:
    """Return what transformers itself writes, the prompt included."""
    read = torch.tensor([request.tokens[: request.prompt_tokens]])
    new = request.sampling.max_new_tokens
    return [int(token) for token in model.generate(read, max_new_tokens=new, do_sample=False, pad_token_id=0)[0]]
