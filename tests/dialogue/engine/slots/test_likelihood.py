"""How likely a text was: as transformers computes it, whoever it was written with and in however many steps."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from transformers import NoRepeatNGramLogitsProcessor, RepetitionPenaltyLogitsProcessor, TopKLogitsWarper

from dialogue.engine.slots.batch import Batch
from dialogue.engine.slots.request import Request
from dialogue.engine.slots.slot_model import SlotModel
from dialogue.engine.vocabulary import Vocabulary
from dialogue.turns import Sampling, StopReason
from tests.dialogue.engine.slots.tape_recorder import TapeRecorder
from tests.dialogue.engine.tiny import END, LIVELY, prompt, tiny_model, tiny_tokenizer

GREEDY = Sampling(temperature=0, top_k=20, max_new_tokens=24)
COOL = Sampling(temperature=0.5, top_k=20, min_p=0.05, top_p=0.8, max_new_tokens=24)
SAMPLINGS = {
    "greedy": GREEDY,
    "greedy of all words": replace(GREEDY, top_k=0),
    "cool": COOL,
    "of all words": replace(COOL, top_k=0),
    "penalised": replace(COOL, repetition_penalty=1.3, no_repeat_ngram=2),
    "greedy and penalised": replace(GREEDY, repetition_penalty=1.3, no_repeat_ngram=2),
}
VOCABULARY = Vocabulary(tiny_tokenizer(), frozenset({END}))
TEXT = "User1: hello, hello, hello\nUser2:"


def request_of(sampling: Sampling, text: str = TEXT) -> Request:
    return Request(prompt(text, sampling, draw=3), VOCABULARY.encode(text), VOCABULARY)


def write(batch: Batch, *requests: Request) -> int:
    """Write the requests together, and return in how many steps."""
    for request in requests:
        batch.add(request)
    steps = 0
    with torch.inference_mode():
        while not batch.is_empty:
            batch.step()
            steps += 1
    return steps


def batch_of(slots: int, guesses: int = 4, recorder: TapeRecorder | None = None) -> Batch:
    model = SlotModel(tiny_model("llama"), slots, row_tokens=128, recorder=recorder)
    return Batch(model, guesses=guesses)


def likelihood_of(request: Request, model: Any) -> float:
    """Return what transformers computes for the request's tokens."""
    tokens = torch.tensor([request.tokens])
    sampling = request.sampling
    with torch.inference_mode():
        logits = model(tokens).logits[0]
    of_all = 0.0
    for place in range(request.prompt_tokens, len(request.tokens)):
        before, scores = tokens[:, :place], logits[place - 1][None]
        scores = RepetitionPenaltyLogitsProcessor(sampling.repetition_penalty)(before, scores)
        if sampling.no_repeat_ngram:
            scores = NoRepeatNGramLogitsProcessor(sampling.no_repeat_ngram)(before, scores)
        if sampling.top_k:
            scores = TopKLogitsWarper(sampling.top_k)(before, scores)
        of_all += scores.log_softmax(-1)[0, request.tokens[place]].item()
    return of_all / request.new_tokens


@pytest.mark.parametrize("kind", ["gpt2", "llama", "gemma3_text"])
@pytest.mark.parametrize("sampling", SAMPLINGS.values(), ids=SAMPLINGS)
def test_a_text_is_as_likely_as_transformers_says(kind: str, sampling: Sampling) -> None:
    model = tiny_model(kind)
    request = request_of(sampling)
    write(Batch(SlotModel(model, slots=1, row_tokens=128)), request)
    expected = likelihood_of(request, model)
    assert expected < -0.01  # Not so sure that nothing would be tested.
    assert request.likelihood == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("sampling", SAMPLINGS.values(), ids=SAMPLINGS)
def test_tokens_that_were_guessed_count_like_those_that_were_not(sampling: Sampling) -> None:
    one_by_one, guessed = request_of(sampling), request_of(sampling)
    steps = write(batch_of(1, guesses=0), one_by_one)
    fewer = write(batch_of(1, guesses=4), guessed)
    # Where nothing may come again there is nothing to guess.
    assert fewer < steps or sampling.no_repeat_ngram
    assert guessed.tokens == one_by_one.tokens
    assert guessed.likelihood == pytest.approx(one_by_one.likelihood, abs=1e-4)


def test_a_text_is_as_likely_in_company_as_alone() -> None:
    alone = [request_of(sampling) for sampling in SAMPLINGS.values()]
    for request in alone:
        write(batch_of(1), request)
    together = [request_of(sampling) for sampling in SAMPLINGS.values()]
    wide = request_of(replace(LIVELY, top_k=200, max_new_tokens=40), "User1: another")
    write(batch_of(len(together) + 1), wide, *together)
    assert [request.tokens for request in together] == [request.tokens for request in alone]
    assert [request.likelihood for request in together] == pytest.approx(
        [request.likelihood for request in alone], abs=1e-4
    )


@pytest.mark.parametrize("sampling", SAMPLINGS.values(), ids=SAMPLINGS)
def test_a_text_is_as_likely_when_its_steps_are_replayed(sampling: Sampling) -> None:
    plain, replayed = request_of(sampling), request_of(sampling)
    tape = TapeRecorder()
    write(batch_of(1), plain)
    write(batch_of(1, recorder=tape), replayed)
    assert tape.replayed
    assert replayed.tokens == plain.tokens
    assert replayed.likelihood == pytest.approx(plain.likelihood, abs=1e-4)


def test_a_text_of_the_only_word_there_is_was_certain() -> None:
    request = request_of(replace(LIVELY, top_k=1))
    write(batch_of(1), request)
    assert request.likelihood == 0


def test_the_token_that_ends_a_text_counts() -> None:
    request = Request(prompt(""), [5], VOCABULARY)
    request.take(6, -1.0)
    request.take(END, -3.0)
    assert request.stop is StopReason.END_OF_TEXT
    assert request.likelihood == -2


def test_nothing_is_said_of_a_text_without_tokens_or_with_one_that_was_drawn_from_nothing() -> None:
    request = Request(prompt(""), [5], VOCABULARY)
    assert request.likelihood is None
    request.take(6, -1.0)
    request.take(7, float("nan"))
    assert request.likelihood is None
