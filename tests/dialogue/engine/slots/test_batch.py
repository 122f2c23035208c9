"""The batch: who waits, who leaves, and that nobody suffers for another."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import torch

from dialogue.engine.slots.batch import CPU_STEP, Batch, StepSize
from dialogue.engine.slots.recorders import EagerRecorder
from dialogue.engine.slots.request import Request
from dialogue.engine.slots.slot_model import SlotModel
from dialogue.engine.vocabulary import Vocabulary
from dialogue.errors import EngineUnavailable
from dialogue.turns import Sampling
from tests.dialogue.engine.tiny import prompt, tiny_model, tiny_tokenizer

VOCABULARY = Vocabulary(tiny_tokenizer())

AHEAD = StepSize(CPU_STEP.prompt_tokens, cheap_tokens=1, works_aside=True)


@pytest.fixture(autouse=True)
def inference() -> Iterator[None]:
    with torch.inference_mode():
        yield


@pytest.fixture(params=[CPU_STEP, AHEAD], ids=["step by step", "one step ahead"])
def size(request: pytest.FixtureRequest) -> Any:
    """Both ways to go from step to step."""
    return request.param


def request_of(text: str, new: int = 8) -> Request:
    return Request(prompt(text, Sampling(temperature=0, max_new_tokens=new)), VOCABULARY.encode(text), VOCABULARY)


def batch_of(slots: int, size: StepSize = CPU_STEP) -> Batch:
    recorder = EagerRecorder() if size.works_aside else None
    return Batch(SlotModel(tiny_model("llama"), slots, row_tokens=128, recorder=recorder), size=size)


def write(batch: Batch) -> int:
    """Write everything as the engine does, and return how often it had to recover."""
    failures = 0
    while not batch.is_empty:
        try:
            batch.step()
        except (IndexError, RuntimeError, FloatingPointError):
            failures += 1
            batch.recover(EngineUnavailable("the model failed"))
    return failures


def solo(text: str, new: int = 8) -> str:
    """Return what is written when nobody else is there."""
    batch, request = batch_of(1), request_of(text, new)
    batch.add(request)
    write(batch)
    return request.text


def test_more_requests_than_slots_wait_and_are_all_written(size: StepSize) -> None:
    batch = batch_of(2, size)
    requests = [request_of(f"User1: {number}\nUser2:") for number in range(7)]
    for request in requests:
        batch.add(request)
    write(batch)
    assert [request.text for request in requests] == [solo(f"User1: {number}\nUser2:") for number in range(7)]


def test_a_cancelled_request_frees_its_slot_within_two_steps(size: StepSize) -> None:
    batch = batch_of(2, size)
    stays, leaves = request_of("User1: a", new=50), request_of("User1: b", new=50)
    batch.add(stays)
    batch.add(leaves)
    for _ in range(5):
        batch.step()
    leaves.is_cancelled = True
    batch.step()
    batch.step()
    assert batch.slots_in_use == 1


def test_when_all_have_left_the_next_one_is_written_as_if_nobody_had_been_there() -> None:
    batch = batch_of(2, AHEAD)
    leaves = request_of("User1: a", new=50)
    batch.add(leaves)
    for _ in range(5):
        batch.step()
    leaves.is_cancelled = True
    batch.step()
    request = request_of("User1: hi\nUser2:")
    batch.add(request)
    batch.step()
    batch.step()
    assert request.new_tokens == 1
    write(batch)
    assert request.text == solo("User1: hi\nUser2:")


def test_a_request_cancelled_while_it_waits_never_gets_a_slot(size: StepSize) -> None:
    batch = batch_of(1, size)
    first, second = request_of("User1: a"), request_of("User1: b")
    batch.add(first)
    batch.add(second)
    batch.step()
    second.is_cancelled = True
    write(batch)
    assert second.new_tokens == 0


def test_a_slot_used_again_shows_nothing_of_its_last_text(size: StepSize) -> None:
    batch = batch_of(1, size)
    for text in ("User1: my password is swordfish, do not tell\nUser2:", "User1: hi\nUser2:"):
        request = request_of(text)
        batch.add(request)
        write(batch)
    assert request.text == solo("User1: hi\nUser2:")


def test_a_prompt_that_breaks_the_model_fails_alone(size: StepSize) -> None:
    batch = batch_of(3, size)
    poison = request_of("User1: x")
    poison.tokens[1] = 10**6  # No such word: looking up its vector fails.
    neighbours = [request_of(f"User1: hello {number}\nUser2:") for number in range(4)]
    for request in (*neighbours[:2], poison, *neighbours[2:]):
        batch.add(request)
    failures = write(batch)
    assert isinstance(poison.error, EngineUnavailable)
    assert [each.text for each in neighbours] == [solo(f"User1: hello {number}\nUser2:") for number in range(4)]
    assert failures == 2  # Once in company, once alone.


class FailingAt(SlotModel):
    """Fails at some of the steps in which texts are written."""

    fails_at: frozenset[int] = frozenset()
    steps = 0

    def next_logits(self, *arguments: Any, **named: Any) -> torch.Tensor:
        self._fail_in_time()
        return super().next_logits(*arguments, **named)

    def logits_ahead(self, *arguments: Any, **named: Any) -> torch.Tensor:
        self._fail_in_time()
        return super().logits_ahead(*arguments, **named)

    def _fail_in_time(self) -> None:
        self.steps += 1
        if self.steps in self.fails_at:
            raise RuntimeError("out of memory")


def failing_batch(size: StepSize, slots: int, *steps: int) -> Batch:
    recorder = EagerRecorder() if size.works_aside else None
    model = FailingAt(tiny_model("llama"), slots, row_tokens=128, recorder=recorder)
    model.fails_at = frozenset(steps)
    return Batch(model, size=size)


def test_after_a_failure_everybody_in_flight_is_written_to_the_end_as_if_nothing_had_been(size: StepSize) -> None:
    batch = failing_batch(size, 2, 4)
    requests = [request_of(f"User1: {number}\nUser2:") for number in range(5)]
    for request in requests:
        batch.add(request)
    assert write(batch) == 1
    assert [request.text for request in requests] == [solo(f"User1: {number}\nUser2:") for number in range(5)]


def test_who_fails_alone_as_well_ends_and_the_others_do_not(size: StepSize) -> None:
    batch = failing_batch(size, 2, 4, 5)
    requests = [request_of(f"User1: {number}\nUser2:") for number in range(3)]
    for request in requests:
        batch.add(request)
    assert write(batch) == 2
    assert [request.error is None for request in requests] == [False, True, True]
    assert requests[2].text == solo("User1: 2\nUser2:")


class Numberless(FailingAt):
    """Gives scores at some of the steps that are not numbers, instead of failing at once."""

    def next_logits(self, *arguments: Any, **named: Any) -> torch.Tensor:
        return self._spoilt(SlotModel.next_logits(self, *arguments, **named))

    def logits_ahead(self, *arguments: Any, **named: Any) -> torch.Tensor:
        return self._spoilt(SlotModel.logits_ahead(self, *arguments, **named))

    def _spoilt(self, logits: torch.Tensor) -> torch.Tensor:
        self.steps += 1
        return logits.fill_(torch.nan) if self.steps in self.fails_at else logits


def test_after_scores_that_are_not_numbers_the_texts_are_those_they_would_have_been(size: StepSize) -> None:
    recorder = EagerRecorder() if size.works_aside else None
    model = Numberless(tiny_model("llama"), 2, row_tokens=128, recorder=recorder)
    model.fails_at = frozenset({4})
    batch = Batch(model, size=size)
    requests = [request_of(f"User1: {number}\nUser2:") for number in range(3)]
    for request in requests:
        batch.add(request)
    assert write(batch) == 1
    assert [request.text for request in requests] == [solo(f"User1: {number}\nUser2:") for number in range(3)]


class Recording(SlotModel):
    """Notes how many tokens each pass reads into each row."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.reads: list[list[int]] = []

    def read(self, first: int, starts: Sequence[int], tokens: Sequence[Sequence[int]], *rest: Any) -> None:
        self.reads.append([len(each) for each in tokens])
        super().read(first, starts, tokens, *rest)


def recorded(slots: int, row_tokens: int, *requests: Request) -> list[list[int]]:
    model = Recording(tiny_model("llama"), slots, row_tokens)
    batch = Batch(model)
    for request in requests:
        batch.add(request)
    write(batch)
    return model.reads


def test_short_prompts_are_read_together() -> None:
    prompts = ("abcdefgh", "ijklmnop", "qrstuvwx")
    assert recorded(3, 128, *(request_of(text) for text in prompts)) == [[7, 7, 7]]


def test_a_long_prompt_is_read_in_turn_with_the_others() -> None:
    long = request_of("a" * (2 * CPU_STEP.prompt_tokens + 11))
    short = request_of("bcdefgh")
    assert recorded(2, 600, long, short) == [[CPU_STEP.prompt_tokens], [6], [CPU_STEP.prompt_tokens], [10]]


def test_while_a_long_prompt_is_read_the_others_are_written() -> None:
    batch = Batch(SlotModel(tiny_model("llama"), slots=2, row_tokens=1100))
    long, short = request_of("a" * 1000), request_of("bcdefgh")
    batch.add(short)
    batch.add(long)
    for _ in range(3):
        batch.step()
    assert long.read_tokens < 999
    assert short.new_tokens == 3


def test_what_several_begin_with_is_read_once() -> None:
    seed = "User1: Здравствуйте. " * 3
    requests = [request_of(f"{seed}{number}") for number in range(4)]
    reads = recorded(4, 256, *requests)
    computed = sum(request.prompt_tokens - request.reused_tokens for request in requests)
    assert sum(map(sum, reads)) < requests[0].prompt_tokens + 4 * 3
    assert computed < requests[0].prompt_tokens + 4 * 3


def test_a_seed_is_read_once_even_if_no_row_holds_it_any_more() -> None:
    seed, other = "User1: Здравствуйте. " * 3, "Something else entirely, and long enough to fill the only row."
    batch = batch_of(1)
    for text in (f"{seed} One", other, f"{seed} Two"):
        tokens = VOCABULARY.encode(text)
        seed_tokens = len(VOCABULARY.encode(seed)) if text.startswith(seed) else 0
        request = Request(prompt(text, Sampling(temperature=0, max_new_tokens=8)), tokens, VOCABULARY, seed_tokens)
        batch.add(request)
        write(batch)
    assert request.reused_tokens == seed_tokens
    assert request.text == solo(text)


def test_no_text_of_one_dialogue_reaches_another(size: StepSize) -> None:
    """G24: rows are taken over, exchanged, copied, cancelled, and everybody writes what he writes alone."""
    chance = random.Random(24)
    recorder = EagerRecorder() if size.works_aside else None
    model = SlotModel(tiny_model("gemma3_text"), slots=6, row_tokens=256, recorder=recorder)
    batch = Batch(model, places=4, size=size)
    histories = [f"A chat. The code of {number} is {chance.randrange(10**6)}.\nUser1: " for number in range(12)]
    running: list[tuple[str, Request]] = []
    for _ in range(300):
        if len(running) < 8 and chance.random() < 0.5:
            who = chance.randrange(len(histories))
            histories[who] = histories[who][-80:] + f"{chance.randrange(100)}\nUser2:"
            running.append((histories[who], request_of(histories[who], new=chance.randrange(1, 9))))
            batch.add(running[-1][1])
        if running and chance.random() < 0.1:
            chance.choice(running)[1].is_cancelled = True
        batch.step()
    write(batch)
    finished = [(text, request) for text, request in running if request.stop is not None]
    assert len(finished) > 5
    for text, request in finished:
        alone = Batch(SlotModel(tiny_model("gemma3_text"), slots=1, row_tokens=256))
        again = request_of(text, request.sampling.max_new_tokens)
        alone.add(again)
        write(alone)
        assert request.text == again.text
