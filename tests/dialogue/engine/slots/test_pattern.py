"""A text with a pattern becomes one that matches it, whatever the model would rather write; its neighbours do not."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
import torch

from dialogue.engine.slots.batch import Batch
from dialogue.engine.slots.pattern import Pattern, keep_to
from dialogue.engine.slots.request import Request
from dialogue.engine.slots.slot_model import SlotModel
from dialogue.engine.vocabulary import Vocabulary
from dialogue.turns import Sampling, StopReason
from tests.dialogue.engine.tiny import prompt, tiny_model, tiny_tokenizer

VOCABULARY = Vocabulary(tiny_tokenizer())
OBJECT = r' ?"[a-z]{2,5}", "sure": (?:true|false)\}\n?'


def request_of(expression: str, draw: int = 0, temperature: float = 1.0) -> Request:
    text = "User1: a\nUser2:"
    wanted = prompt(text, Sampling(temperature, top_k=0, top_p=1.0, max_new_tokens=60), draw, ("\n",))
    return Request(replace(wanted, pattern=expression), VOCABULARY.encode(text), VOCABULARY)


def write(*requests: Request) -> None:
    batch = Batch(SlotModel(tiny_model("llama"), 8, row_tokens=128))
    with torch.inference_mode():
        for request in requests:
            batch.add(request)
        while not batch.is_empty:
            batch.step()


def test_a_text_matches_its_pattern_and_neighbours_write_what_they_would_alone() -> None:
    bound = [request_of(OBJECT, draw) for draw in range(4)]
    free = [request_of("", draw) for draw in range(3)]
    write(*bound, *free)

    for request in bound:
        assert re.fullmatch(OBJECT, request.text), request.text
        assert request.stop is StopReason.TAG
    assert len({request.text for request in bound}) > 1
    for draw, request in enumerate(free):
        alone = request_of("", draw)
        write(alone)
        assert request.text == alone.text


def test_a_model_that_finds_nothing_that_fits_likely_writes_what_it_wants() -> None:
    wanted, free = request_of("€+", temperature=0), request_of("", temperature=0)
    write(wanted, free)

    assert wanted.text == free.text != ""


def test_only_what_fits_of_the_likeliest_is_left() -> None:
    logits = torch.arange(200, dtype=torch.float32)

    keep_to(logits, lambda word: word % 10 == 0)

    assert logits.isfinite().nonzero().flatten().tolist() == [140, 150, 160, 170, 180, 190]
    assert logits[190] == 190
    few = torch.arange(200, dtype=torch.float32)
    keep_to(few, lambda word: word == 5)
    assert few.isfinite().nonzero().flatten().tolist() == [5]
    none = torch.arange(200, dtype=torch.float32)
    keep_to(none, lambda word: False)
    assert none.equal(torch.arange(200, dtype=torch.float32))


@pytest.mark.parametrize(
    ("text", "is_begun", "is_matched"),
    [(' "ab', True, False), (' "ab", "sure": true}', True, True), ('"AB', False, False), ("", True, False)],
)
def test_a_pattern_knows_what_can_still_become_of_a_text(text: str, is_begun: bool, is_matched: bool) -> None:
    wanted = Pattern(OBJECT)

    assert (wanted.is_begun_by(text), wanted.is_matched_by(text)) == (is_begun, is_matched)


def test_the_end_of_the_text_fits_only_where_it_matches() -> None:
    end = VOCABULARY.encode("z")[0]
    vocabulary = Vocabulary(tiny_tokenizer(), frozenset([end]))
    wanted = replace(prompt("a"), pattern="(?:b|bb)")
    request = Request(wanted, vocabulary.encode("a"), vocabulary)
    before = request.fits(end)
    request.take(vocabulary.encode("b")[0], 0.0)

    assert (before, request.fits(end)) == (False, True)
