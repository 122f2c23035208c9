"""Compares two sides on held-out dialogues: how likely they find what was approved, and what they say themselves."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from statistics import fmean, median

from dialogue.engine.models.adapter_file import Adapter, read_adapter
from dialogue.engine.models.loading import LoadedModel
from dialogue.engine.torch_engine import torch_engine
from dialogue.errors import EvaluationError
from dialogue.learning.behaviour import FAULTS, Spoken, approved, drawn
from dialogue.learning.comparison import Interval, Verdict, paired_difference, ratio_difference, share, verdict
from dialogue.learning.held_out import Approved, HeldOut
from dialogue.learning.likelihood import Reader, Surprise, surprises_beside
from dialogue.learning.sides import Side

LoadModel = Callable[[str], Awaitable[LoadedModel]]
"""Loads a model by its name; empty for the one that is set."""

Show = Callable[[str, float], None]
"""Takes the name of a stage and how much of it is done, from 0 to 1."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Exactly what a side was.

    Args:
        adapter: the hash of its adapter; empty where it has none.
    """

    model: str
    revision: str
    precision: str
    device: str
    adapter: str


@dataclass(frozen=True, slots=True)
class Likelihood:
    """How likely the approved replies are to either side.

    Args:
        a, b: nats per character: the mean over dialogues of each one's own; less is better.
        improvement: by how much B has fewer.
        by_dialogue: the figures of A and B for each dialogue.
        left_out: replies that do not fit the context of one of the sides; neither has them counted.
        seconds: what computing it took, for either side.
    """

    a: float
    b: float
    improvement: Interval
    by_dialogue: tuple[tuple[float, float], ...]
    replies: int
    characters: int
    left_out: int
    seconds: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Fault:
    """How often replies have a fault: those that were approved, those of A and of B.

    Args:
        shares: of each of the three.
        increase: by how much B has it more often than A.
    """

    counts: tuple[int, int, int]
    shares: tuple[Interval, Interval, Interval]
    increase: Interval


@dataclass(frozen=True, slots=True)
class Manner:
    """How the replies of a side are. Times are zero for approved replies.

    Args:
        characters: the mean length.
        tokens_per_s: of one reply, while others are written.
    """

    characters: float
    median_characters: float
    first_token_s: float
    median_s: float
    slowest_tenth_s: float
    tokens_per_s: float


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What the sides say; `manners` are those of approved replies, of A and of B."""

    replies: int
    left_out: int
    faults: dict[str, Fault]
    manners: tuple[Manner, Manner, Manner]
    seconds: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The whole comparison; `behaviour` is None where no replies were drawn."""

    sides: tuple[Identity, Identity]
    dialogues: int
    likelihood: Likelihood
    behaviour: Behaviour | None
    verdict: Verdict


@dataclass(slots=True)
class _Measured:
    """What is known of one side."""

    identity: Identity
    surprises: list[list[Surprise | None]]
    read_s: float
    spoken: list[Spoken | None]
    spoken_s: float


async def evaluate(
    dialogues: Sequence[HeldOut], a: Side, b: Side, load: LoadModel, samples: int, random_seed: int, show: Show
) -> Evaluation:
    """Compare two sides; only one model is in memory at a time.

    Args:
        samples: to how many of the histories replies are drawn, at most; 0 for none.
        random_seed: of which these are, of the draws, and of the intervals.

    Raises:
        ModelRefused: a model or an adapter may not be loaded.
        EngineUnavailable: a model failed.
        EvaluationError: nothing fits the context of both models, or the seed of a side is of another kind.
    """
    _check_kinds(dialogues, (a, b))
    places = [(number, reply) for number, dialogue in enumerate(dialogues) for reply in dialogue.replies]
    chosen = places
    if samples < len(places):
        picked = sorted(random.Random(random_seed).sample(range(len(places)), samples))  # noqa: S311 - a sample only
        chosen = [places[index] for index in picked]
    asked = [reply for _, reply in chosen]
    first, second = await _measured(dialogues, (a, b), load, asked, random_seed, show)
    seconds = (first.read_s, second.read_s)
    likelihood = likelihood_of(first.surprises, second.surprises, seconds, random_seed)
    behaviour = _behaviour([number for number, _ in chosen], asked, first, second, random_seed) if asked else None
    counts = {name: fault.counts[1:] for name, fault in behaviour.faults.items()} if behaviour else {}
    judged = verdict(likelihood.improvement, len(likelihood.by_dialogue), counts, behaviour.replies if behaviour else 0)
    return Evaluation((first.identity, second.identity), len(likelihood.by_dialogue), likelihood, behaviour, judged)


def _check_kinds(dialogues: Sequence[HeldOut], sides: Sequence[Side]) -> None:
    kinds = sorted({reply.seed.kind for dialogue in dialogues for reply in dialogue.replies})
    for name, side in zip("AB", sides, strict=True):
        if side.seed and kinds != [side.seed.kind]:
            raise EvaluationError(
                f"the seed {side.seed.name} of side {name} is of the kind {side.seed.kind}, and what was approved is "
                f"of the kind {', '.join(kinds)}"
            )


def likelihood_of(
    first: Sequence[Sequence[Surprise | None]],
    second: Sequence[Sequence[Surprise | None]],
    seconds: tuple[float, float],
    random_seed: int,
) -> Likelihood:
    """Compare how likely either side found the replies of each dialogue.

    Raises:
        EvaluationError: no reply fits the context of both.
    """
    figures: list[tuple[float, float]] = []
    replies = characters = left_out = 0
    for in_a, in_b in zip(first, second, strict=True):
        pairs = [(a, b) for a, b in zip(in_a, in_b, strict=True) if a is not None and b is not None]
        left_out += len(in_a) - len(pairs)
        length = sum(a.characters for a, _ in pairs)
        if not pairs:
            continue
        replies += len(pairs)
        characters += length
        figures.append((sum(a.nats for a, _ in pairs) / length, sum(b.nats for _, b in pairs) / length))
    if not figures:
        raise EvaluationError("no prompt fits the context of both sides: take a shorter seed, or another model")
    of_a, of_b = [a for a, _ in figures], [b for _, b in figures]
    improvement = paired_difference(of_a, of_b, random_seed)
    return Likelihood(fmean(of_a), fmean(of_b), improvement, tuple(figures), replies, characters, left_out, seconds)


class Steps:
    """Counts what is done of a stage, and shows it.

    Args:
        of: how much there is to do.
    """

    def __init__(self, stage: str, of: int, show: Show) -> None:
        self._stage, self._of, self._show, self._many = stage, of, show, 0
        show(stage, 0.0)

    def done(self) -> None:
        """Note that one more is done."""
        self._many += 1
        self._show(self._stage, self._many / self._of)


async def _measured(
    dialogues: Sequence[HeldOut],
    sides: tuple[Side, Side],
    load: LoadModel,
    asked: Sequence[Approved],
    draw: int,
    show: Show,
) -> tuple[_Measured, _Measured]:
    adapters = [None if each.adapter is None else await asyncio.to_thread(read_adapter, each.adapter) for each in sides]
    measured: dict[int, _Measured] = {}
    for model in dict.fromkeys(side.model for side in sides):
        numbers = [number for number, side in enumerate(sides) if side.model == model]
        loaded = await load(model)
        names = {number: _add(loaded, adapters[number]) for number in numbers}
        for number in numbers:
            side, label = sides[number], "AB"[number]
            adapter = adapters[number]
            revision = adapter.revision if adapter else ""
            identity = Identity(loaded.name, loaded.revision, loaded.precision, loaded.device, revision)
            # Sampling changes nothing about likelihood: where all else is the same, so is each number.
            twin = measured.get(0)
            if twin is not None and twin.identity == identity and sides[0].seed == side.seed:
                read, read_s = twin.surprises, twin.read_s
            else:
                started = time.monotonic()
                steps = Steps(f"Reading what was approved, side {label}", len(dialogues), show)
                read = await surprises_beside(Reader(loaded, names[number]), side, dialogues, steps.done)
                read_s = time.monotonic() - started
            measured[number] = _Measured(identity, read, read_s, [], 0.0)
        if asked:
            async with torch_engine(loaded) as engine:
                for number in numbers:
                    steps = Steps(f"Drawing replies, side {'AB'[number]}", len(asked), show)
                    started = time.monotonic()
                    measured[number].spoken = await drawn(engine, sides[number], names[number], asked, draw, steps.done)
                    measured[number].spoken_s = time.monotonic() - started
        del loaded
    return measured[0], measured[1]


def _add(loaded: LoadedModel, adapter: Adapter | None) -> str | None:
    """Let the model have an adapter; return its name there."""
    if adapter is None:
        return None
    if adapter.revision not in loaded.rack.names:
        loaded.rack.add(adapter.revision, adapter)
    return adapter.revision


def _behaviour(
    dialogues: Sequence[int], asked: Sequence[Approved], first: _Measured, second: _Measured, random_seed: int
) -> Behaviour:
    rows = [
        (number, good, a, b)
        for number, good, a, b in zip(dialogues, approved(asked), first.spoken, second.spoken, strict=True)
        if a is not None and b is not None
    ]
    if not rows:
        raise EvaluationError("no prompt fits the context of both sides: take a shorter seed, or another model")
    many = len(rows)
    columns = ([good for _, good, _, _ in rows], [a for _, _, a, _ in rows], [b for _, _, _, b in rows])
    faults = {}
    for name in FAULTS:
        counts = tuple(sum(name in each.faults for each in column) for column in columns)
        of, in_a, in_b = ({number: 0.0 for number, *_ in rows} for _ in range(3))
        for number, _, a, b in rows:
            of[number] += 1
            in_a[number] += name in a.faults
            in_b[number] += name in b.faults
        totals = list(of.values())
        increase = ratio_difference(list(in_b.values()), list(in_a.values()), totals, totals, random_seed)
        good, a_count, b_count = counts
        shares = (share(good, many), share(a_count, many), share(b_count, many))
        faults[name] = Fault((good, a_count, b_count), shares, increase)
    manners = (_manner(columns[0]), _manner(columns[1]), _manner(columns[2]))
    return Behaviour(many, len(asked) - many, faults, manners, (first.spoken_s, second.spoken_s))


def _manner(column: Sequence[Spoken]) -> Manner:
    lengths = [len(each.text) for each in column]
    written = [each.completion for each in column if each.completion is not None]
    times = sorted(each.duration_s for each in written) or [0.0]
    seconds = sum(times)
    return Manner(
        characters=fmean(lengths),
        median_characters=median(lengths),
        first_token_s=fmean(each.first_token_s for each in written) if written else 0.0,
        median_s=median(times),
        slowest_tenth_s=times[min(len(times) - 1, len(times) * 9 // 10)],
        tokens_per_s=sum(each.new_tokens for each in written) / seconds if seconds else 0.0,
    )
