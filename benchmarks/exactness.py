"""Whether the engine writes what `generate()` of transformers writes, token for token: greedily, in float32.

`python -m benchmarks.exactness` cuts 200 pieces of 5 to 200 tokens out of the seeds' texts and has the embedded model
write 8 to 24 tokens behind each: alone, by `generate()` of the untouched model, and by the engine, where eight of them
are written at a time, join when chance says so, and some leave in the middle. A second of them all begins where another
one does, so that keys are taken over from rows of all kinds; and everything is done once more without that.

A row says for how many of the `prompts` the tokens were `equal`, and under `reuse` whether keys were taken over
(`reused_share` of the prompts' tokens were). `differences` has the first place at which a text differs and how far
apart the two tokens' scores are there: rounding moves them by some 0.0001, a mistake by more.

It takes from ten minutes to half an hour, and is not part of `python -m benchmarks`.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from transformers import AutoModelForCausalLM

from benchmarks import embedded_model
from benchmarks.results import Row, write_results
from dialogue.engine.models.loading import LoadedModel
from dialogue.engine.slots.batch import Batch
from dialogue.engine.slots.request import Request
from dialogue.engine.slots.slot_model import SlotModel
from dialogue.engine.vocabulary import Vocabulary
from dialogue.forms import SeedKind
from dialogue.seeds import load_seeds
from dialogue.turns import Prompt, Sampling

PROMPTS = 200
PROMPT_TOKENS = (5, 200)
NEW_TOKENS = (8, 24)

_PLACES = 8
_ROWS = 16
# At each step somebody may join, and somebody who is not waited for may leave.
_CHANCE_TO_JOIN = 0.4
_CHANCE_OF_A_PASSER_BY = 0.2
_CHANCE_TO_LEAVE = 0.1

Advance = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Task:
    """Tokens to be continued, the model's opening token first, and how many tokens are to be written."""

    tokens: tuple[int, ...]
    new_tokens: int


@dataclass(frozen=True, slots=True)
class Writing:
    """What the engine wrote behind one of the prompts."""

    tokens: tuple[int, ...]
    reused_tokens: int


def tasks(vocabulary: Vocabulary, texts: Sequence[str], number: int, chance: random.Random) -> list[Task]:
    """Cut tasks out of the texts; every second one begins where an earlier one does."""
    encoded = [vocabulary.encode_prompt(text) for text in texts]
    least, most = PROMPT_TOKENS
    cut: list[Task] = []
    starts: list[tuple[int, int]] = []
    for index in range(number):
        if index % 2 and starts:
            which, start = chance.choice(starts)
        else:
            which = chance.randrange(len(encoded))
            start = chance.randrange(1, len(encoded[which]) - least)
            starts.append((which, start))
        length = chance.randint(least, most) - 1
        tokens = (encoded[which][0], *encoded[which][start : start + length])
        cut.append(Task(tokens, chance.randint(*NEW_TOKENS)))
    return cut


def generated(model: Any, task: Task) -> tuple[int, ...]:
    """Return what `generate()` writes."""
    prompt = torch.tensor([task.tokens])
    written = model.generate(
        prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=task.new_tokens, do_sample=False
    )
    return tuple(written[0, len(task.tokens) :].tolist())


def written(
    loaded: LoadedModel, asked: Sequence[Task], reuse: bool, chance: random.Random, advance: Advance
) -> list[Writing]:
    """Return what the engine writes when everybody joins and passers-by leave at random."""
    # Keys are taken over within an adapter only, and without a rack no adapter changes anything: so each text has a
    # name of its own where nothing is to be taken over.
    rack = loaded.rack if reuse else None
    names: Iterator[str | None] = iter(()) if reuse else (f"alone-{number}" for number in count())
    batch = Batch(SlotModel(loaded.model, _ROWS, loaded.context_tokens, loaded.dtype, rack), _PLACES)

    def joining(task: Task) -> Request:
        sampling = Sampling(temperature=0, max_new_tokens=task.new_tokens)
        request = Request(Prompt("", (), sampling, 0, adapter=next(names, None)), task.tokens, loaded.vocabulary)
        batch.add(request)
        return request

    requests: list[Request] = []
    passing: list[Request] = []
    reported = 0
    while len(requests) < len(asked) or not batch.is_empty:
        if len(requests) < len(asked) and (batch.is_empty or chance.random() < _CHANCE_TO_JOIN):
            requests.append(joining(asked[len(requests)]))
        if chance.random() < _CHANCE_OF_A_PASSER_BY and len(passing) < _PLACES // 2 and len(requests) < len(asked):
            passing.append(joining(chance.choice(asked)))
        for request in passing:
            request.is_cancelled = chance.random() < _CHANCE_TO_LEAVE
        passing = [request for request in passing if not request.is_over]
        batch.step()
        finished = sum(request.is_over for request in requests)
        while reported < finished:
            reported += 1
            advance()
    return [Writing(tuple(each.tokens[each.prompt_tokens :]), each.reused_tokens) for each in requests]


def row(
    reuse: bool,
    asked: Sequence[Task],
    expected: Sequence[Sequence[int]],
    found: Sequence[Writing],
    margin: Callable[[Sequence[int], int, int], float],
) -> Row:
    """Compare what was written with what was to be written.

    Args:
        margin: takes tokens and two that may follow; returns how far apart the scores of the two are.
    """
    differences: list[Row] = []
    for number, (task, right, writing) in enumerate(zip(asked, expected, found, strict=True)):
        if tuple(right) == writing.tokens:
            continue
        place = first_difference(right, writing.tokens)
        difference: Row = {"prompt": number, "prompt_tokens": len(task.tokens), "at": place}
        if place < min(len(right), len(writing.tokens)):
            before = [*task.tokens, *right[:place]]
            difference["margin"] = margin(before, right[place], writing.tokens[place])
        differences.append(difference)
    return {
        "reuse": reuse,
        "prompts": len(asked),
        "equal": len(asked) - len(differences),
        "tokens": sum(len(each) for each in expected),
        "reused_share": round(sum(each.reused_tokens for each in found) / sum(len(task.tokens) for task in asked), 3),
        "differences": differences,
    }


def first_difference(some: Sequence[int], others: Sequence[int]) -> int:
    """Return the first place at which they differ; the length of the shorter where the other begins with it."""
    shorter = min(len(some), len(others))
    return next((place for place in range(shorter) if some[place] != others[place]), shorter)


def _margin(model: Any, before: Sequence[int], right: int, wrong: int) -> float:
    scores = model(torch.tensor([list(before)])).logits[0, -1]
    return float(scores[right] - scores[wrong])


def main() -> int:
    """Compare, write the result; return how many texts differed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prompts", type=int, default=PROMPTS)
    parser.add_argument("--seed", type=int, default=1, help="for everything that is left to chance")
    parser.add_argument("--out", type=Path, help="the folder of the result, if not benchmarks/results")
    options = parser.parse_args()
    console = Console()
    loaded = embedded_model.load("fp32", console)
    untouched = AutoModelForCausalLM.from_pretrained(embedded_model.folder(console), dtype=torch.float32).eval()
    texts = [seed.text for seed in load_seeds() if seed.kind is SeedKind.DIALOGUE]
    asked = tasks(loaded.vocabulary, texts, options.prompts, random.Random(options.seed))
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    rows = []
    with Progress(*columns, console=console) as progress, torch.inference_mode():
        expected = [generated(untouched, task) for task in progress.track(asked, description="generate()")]
        for reuse in (True, False):
            bar = progress.add_task(f"engine, {'with' if reuse else 'without'} reuse", total=len(asked))
            found = written(loaded, asked, reuse, random.Random(options.seed), partial(progress.advance, bar))
            rows.append(row(reuse, asked, expected, found, partial(_margin, untouched)))
    path = write_results("exactness", rows, *[options.out] if options.out else [])
    for each in rows:
        console.print({key: value for key, value in each.items() if key != "differences"}, *each["differences"])
    console.print(f"written to {path}", highlight=False)
    return sum(len(each["differences"]) for each in rows)


if __name__ == "__main__":
    sys.exit(main())
