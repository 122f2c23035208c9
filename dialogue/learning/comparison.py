"""How sure one can be of a difference between two sides: intervals, and the verdict that follows from them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy

RESAMPLES = 10_000
"""How often the dialogues are drawn anew: the ends of a 95 % interval then have 250 draws beyond them."""

LEAST_DIALOGUES = 5
"""Fewer dialogues prove nothing: an interval that is resampled from so few is far too narrow."""

# The 97.5th percentile of the normal distribution.
_Z = 1.959963984540054
# So many numbers are drawn at once: 16 MB in four columns.
_AT_ONCE = 500_000


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure, with the 95 % interval around it."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether side B may take side A's place, and if not, why."""

    passes: bool
    reasons: tuple[str, ...]


def paired_difference(a: Sequence[float], b: Sequence[float], random_seed: int) -> Interval:
    """Return by how much `a` exceeds `b` on average, each dialogue having a value in both.

    The interval is that of the percentiles of means of dialogues drawn with replacement, with their pairs.

    Source: Efron and Tibshirani, "An Introduction to the Bootstrap", chapter 13 (the percentile interval).

    Raises:
        ValueError: they are not pairs, or there are none.
    """
    return ratio_difference(a, b, [1.0] * len(a), [1.0] * len(b), random_seed)


def ratio_difference(
    a: Sequence[float], b: Sequence[float], of_a: Sequence[float], of_b: Sequence[float], random_seed: int
) -> Interval:
    """Return by how much the share `sum(a) / sum(of_a)` exceeds that of `b`, by the same draws of dialogues.

    Raises:
        ValueError: they are not of the same dialogues, or there are none.
    """
    if not a or not len(a) == len(b) == len(of_a) == len(of_b):
        raise ValueError(f"there are {len(a)} and {len(b)} values, and as many pairs are needed")
    columns = numpy.array([a, b, of_a, of_b], dtype=numpy.float64)
    many = columns.shape[1]
    sums = columns.sum(axis=1)
    chance = numpy.random.default_rng(random_seed)
    differences: list[numpy.ndarray[tuple[int, ...], numpy.dtype[numpy.float64]]] = []
    left = RESAMPLES
    while left:
        now = min(left, max(1, _AT_ONCE // many))
        picked = columns[:, chance.integers(0, many, size=(now, many))].sum(axis=2)
        differences.append(_differences(picked))
        left -= now
    low, high = numpy.nanquantile(numpy.concatenate(differences), [0.025, 0.975])
    return Interval(float(_differences(sums)), float(low), float(high))


def share(count: int, of: int) -> Interval:
    """Return a share with its Wilson score interval, which is right for none and for all as well.

    Source: Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", 1927.
    """
    if not of:
        return Interval(0.0, 0.0, 1.0)
    value = count / of
    middle = value + _Z * _Z / (2 * of)
    half = _Z * math.sqrt(value * (1 - value) / of + _Z * _Z / (4 * of * of))
    whole = 1 + _Z * _Z / of
    return Interval(value, max(0.0, (middle - half) / whole), min(1.0, (middle + half) / whole))


def verdict(improvement: Interval, dialogues: int, faults: dict[str, tuple[int, int]], drawn: int) -> Verdict:
    """Say whether B is better: its approved replies are likelier beyond doubt, and it leaks and fails no more often.

    Args:
        faults: how often A and B had each fault.
        drawn: how many replies were drawn from each side.
    """
    reasons = []
    if dialogues < LEAST_DIALOGUES:
        reasons.append(f"{dialogues} dialogues are too few: it takes {LEAST_DIALOGUES} to say anything")
    if improvement.high < 0:
        reasons.append("what was approved is clearly less likely from B: the interval of the improvement is below 0")
    elif not improvement.low > 0:
        reasons.append(
            "what was approved is not clearly likelier from B: the interval of the improvement is not above 0"
        )
    if not drawn:
        reasons.append("no replies were drawn, so nobody knows whether B leaks tags or stays silent")
    for name, words in (("leak", "leaks a speaker's tag"), ("empty", "has nothing to say")):
        a, b = faults.get(name, (0, 0))
        if b > a:
            reasons.append(f"B {words} more often than A: {b} of {drawn} replies, and {a}")
    return Verdict(not reasons, tuple(reasons))


def _differences(columns: numpy.ndarray) -> numpy.ndarray:
    """Return the difference of two shares; (4, ...) sums give (...) differences."""
    a, b, of_a, of_b = columns
    with numpy.errstate(invalid="ignore", divide="ignore"):
        return numpy.asarray(a / of_a - b / of_b)
