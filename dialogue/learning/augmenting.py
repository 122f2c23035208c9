"""More rows to learn from: the question that opens a dialogue is asked in other ways, with the same approved reply."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from dialogue.engine.models.loading import LoadedModel
from dialogue.engine.torch_engine import torch_engine
from dialogue.kinds.choosing import kind_of
from dialogue.learning.evaluation import Show, Steps
from dialogue.learning.held_out import Approved, HeldOut
from dialogue.learning.likelihood import Reader, surprises_beside
from dialogue.learning.sides import Side
from dialogue.ports import Engine
from dialogue.seeds import Seed
from dialogue.turns import Dialogue, Prompt, Speaker

# So many questions are asked anew at a time, as many as are quick together.
_AT_ONCE = 16

_BULLET = re.compile(r"\s*(?:[-*•–—]|\d+[.)])\s*")
_WORD = re.compile(r"\w+")
# A paraphrase that is so much longer than the question says something else.
_LONGER = 2.0
_LONGER_CHARACTERS = 30


@dataclass(frozen=True, slots=True)
class Manner:
    """How questions are asked anew.

    Args:
        seeds: those that ask a question in other ways, by language.
        most: so many ways are kept of each question.
        tolerance: by so many nats per character the approved reply may be less likely behind them.
        random_seed: makes the draws reproducible.
    """

    seeds: dict[str, Seed]
    most: int
    tolerance: float
    random_seed: int


def is_opening(reply: Approved) -> bool:
    """Say whether a reply answers the first thing that a person says."""
    said = [turn for turn in reply.history.turns if turn.speaker is Speaker.PERSON]
    return len(said) == 1 and reply.history.turns[-1].speaker is Speaker.PERSON


async def asked_anew(
    loaded: LoadedModel, replies: Sequence[Approved], manner: Manner, show: Show
) -> list[tuple[Approved, ...]]:
    """Ask what each reply answers in other ways, and keep those behind which the model finds the reply as likely.

    Args:
        replies: all of them openings.

    Returns:
        For each reply the same one behind other words, the likeliest first; none where there are none that will do.
    """
    steps = Steps("Asking in other ways", len(replies), show)
    drawn: list[list[Approved]] = []
    async with torch_engine(loaded) as engine:
        for start in range(0, len(replies), _AT_ONCE):
            some = replies[start : start + _AT_ONCE]
            found = await asyncio.gather(
                *(_drawn(engine, reply, number, manner, steps) for number, reply in enumerate(some, start))
            )
            drawn += [[behind(reply, words) for words in anew] for reply, anew in zip(some, found, strict=True)]
    steps = Steps("Reading the replies behind them", len(replies), show)
    groups = [HeldOut((reply, *others)) for reply, others in zip(replies, drawn, strict=True)]
    read = await surprises_beside(Reader(loaded), Side(), groups, steps.done)
    kept = []
    for others, (own, *theirs) in zip(drawn, read, strict=True):
        bound = (own.nats / own.characters + manner.tolerance) if own else float("-inf")
        costs = [(each.nats / each.characters, other) for other, each in zip(others, theirs, strict=True) if each]
        fitting = sorted((pair for pair in costs if pair[0] <= bound), key=lambda pair: pair[0])
        kept.append(tuple(other for _, other in fitting[: manner.most]))
    return kept


def behind(reply: Approved, words: str) -> Approved:
    """Return a reply behind other words than the person's."""
    return replace(reply, history=Dialogue(reply.history.turns[:-1]).then(Speaker.PERSON, words))


async def _drawn(engine: Engine, reply: Approved, number: int, manner: Manner, steps: Steps) -> list[str]:
    """Return other ways to ask, as the model writes them; none for a language that no seed is for."""
    seed = manner.seeds.get(reply.seed.language)
    question = reply.history.turns[-1].text
    if seed is None or len(question) > seed.max_message_chars:
        steps.done()
        return []
    kind = kind_of(seed)
    text = kind.render(seed, Dialogue().then(Speaker.PERSON, question))
    draw = (manner.random_seed * 1_000_003 + number) % 2**31
    prompt = Prompt(text, kind.stops(seed), seed.sampling, draw, len(seed.text))
    completion = await engine.generate(prompt, lambda _: None)
    steps.done()
    return list(ways(kind.cut(completion.text, completion.stop, seed), question))


def ways(written: str, question: str) -> Iterator[str]:
    """Yield the lines of a list that may be other ways to ask a question, each once."""
    seen = {_plain(question)}
    most = max(_LONGER * len(question), len(question) + _LONGER_CHARACTERS)
    for line in written.split("\n"):
        words = line[match.end() :] if (match := _BULLET.match(line)) else line
        words = words.strip().strip("\"«»“”'")
        if _plain(words) and _plain(words) not in seen and len(words) <= most:
            seen.add(_plain(words))
            yield words


def _plain(text: str) -> str:
    return " ".join(_WORD.findall(text.casefold()))
