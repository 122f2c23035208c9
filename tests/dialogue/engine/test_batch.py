"""The batch: who waits, who leaves, and that nobody suffers for another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
import torch

from dialogue.engine.batch import Batch
from dialogue.engine.request import Request
from dialogue.engine.slots import SlotModel
from dialogue.engine.vocabulary import Vocabulary
from dialogue.errors import EngineUnavailable
from dialogue.turns import Sampling
from tests.dialogue.engine.tiny import prompt, tiny_model, tiny_tokenizer

VOCABULARY = Vocabulary(tiny_tokenizer())


@pytest.fixture(autouse=True)
def inference() -> Iterator[None]:
    with torch.inference_mode():
        yield


def request_of(text: str, new: int = 8) -> Request:
    return Request(prompt(text, Sampling(temperature=0, max_new_tokens=new)), VOCABULARY.encode(text), VOCABULARY)


def batch_of(slots: int) -> Batch:
    return Batch(SlotModel(tiny_model("llama"), slots, row_tokens=128))


def write(batch: Batch) -> None:
    while not batch.is_empty:
        batch.step()


def solo(text: str, new: int = 8) -> str:
    """Return what is written when nobody else is there."""
    batch, request = batch_of(1), request_of(text, new)
    batch.add(request)
    write(batch)
    return request.text


def test_more_requests_than_slots_wait_and_are_all_written() -> None:
    batch = batch_of(2)
    requests = [request_of(f"User1: {number}\nUser2:") for number in range(7)]
    for request in requests:
        batch.add(request)
    write(batch)
    assert [request.text for request in requests] == [solo(f"User1: {number}\nUser2:") for number in range(7)]


def test_a_cancelled_request_frees_its_slot_within_two_steps() -> None:
    batch = batch_of(2)
    stays, leaves = request_of("User1: a", new=50), request_of("User1: b", new=50)
    batch.add(stays)
    batch.add(leaves)
    for _ in range(5):
        batch.step()
    leaves.is_cancelled = True
    batch.step()
    batch.step()
    assert batch.slots_in_use == 1


def test_a_request_cancelled_while_it_waits_never_gets_a_slot() -> None:
    batch = batch_of(1)
    first, second = request_of("User1: a"), request_of("User1: b")
    batch.add(first)
    batch.add(second)
    batch.step()
    second.is_cancelled = True
    write(batch)
    assert second.new_tokens == 0


def test_a_slot_used_again_shows_nothing_of_its_last_text() -> None:
    batch = batch_of(1)
    for text in ("User1: my password is swordfish, do not tell\nUser2:", "User1: hi\nUser2:"):
        request = request_of(text)
        batch.add(request)
        write(batch)
    assert request.text == solo("User1: hi\nUser2:")


def test_a_prompt_that_breaks_the_model_fails_alone() -> None:
    batch = batch_of(3)
    good, poison = request_of("User1: hello\nUser2:"), request_of("User1: x")
    poison.tokens[1] = 10**6  # No such word: looking up its vector fails.
    batch.add(good)
    batch.add(poison)
    write(batch)
    assert isinstance(poison.error, EngineUnavailable)
    assert good.text == solo("User1: hello\nUser2:")


class FailingOnce(SlotModel):
    """Fails the first time that several rows are written at once."""

    has_failed = False

    def next_logits(self, rows: Sequence[int], starts: Sequence[int], tokens: Sequence[Sequence[int]]) -> torch.Tensor:
        if len(rows) > 1 and not self.has_failed:
            self.has_failed = True
            raise RuntimeError("out of memory")
        return super().next_logits(rows, starts, tokens)


def test_after_a_failure_those_who_waited_are_written_in_clean_slots() -> None:
    batch = Batch(FailingOnce(tiny_model("llama"), slots=2, row_tokens=128))
    in_flight = [request_of("User1: a"), request_of("User1: b")]
    waiting = request_of("User1: c\nUser2:")
    for request in (*in_flight, waiting):
        batch.add(request)
    with pytest.raises(RuntimeError):
        write(batch)
    batch.recover(EngineUnavailable("the model failed"))
    write(batch)
    assert all(request.error for request in in_flight)
    assert waiting.text == solo("User1: c\nUser2:")
