"""The overview's plots, as numbers that a template draws: bars between 0 and the height of the plot."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import floor, log10

from storage.log.review.overview import WAITS_S, Overview

HEIGHT = 140
"""Of a plot, in its own units; so is `WIDTH`."""
WIDTH = 560
_GAP_SHARE = 0.25


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar, or one of two side by side.

    Args:
        x, y, width, height: in the units of the plot, `y` from above.
        label: what it stands for; `value` how much.
        series: 0, or 1 for the second of two.
        at: the time at which it begins, seconds since the epoch; None where it is no time.
    """

    x: float
    y: float
    width: float
    height: float
    label: str
    value: int
    series: int = 0
    at: float | None = None


@dataclass(frozen=True, slots=True)
class Chart:
    """A plot with its scale: `top` stands at its upper edge."""

    bars: tuple[Bar, ...]
    top: int

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to see."""
        return all(bar.value == 0 for bar in self.bars)


def overview_charts(overview: Overview, days: int) -> dict[str, Chart]:
    """Return the plots `course` (messages and replies over time) and `waits` (replies by waiting time)."""
    moments = [overview.since + number * overview.bar_s for number in range(len(overview.course))]
    course = _chart([[messages, replies] for messages, replies in overview.course], [""] * len(moments), moments)
    limits = ["0", *(f"{limit_s:g}" for limit_s in WAITS_S)]
    labels = [f"{low}–{high}" for low, high in pairwise(limits)] + [f"> {limits[-1]}"]
    return {"course": course, "waits": _chart([[many] for many in overview.waits], labels, None)}


def _chart(values: list[list[int]], labels: list[str], moments: list[float] | None) -> Chart:
    top = _round_up(max((max(each) for each in values), default=0))
    slot = WIDTH / max(1, len(values))
    bars = []
    for number, (group, label) in enumerate(zip(values, labels, strict=True)):
        width = slot * (1 - _GAP_SHARE) / len(group)
        for series, value in enumerate(group):
            height = HEIGHT * value / top
            x = number * slot + slot * _GAP_SHARE / 2 + series * width
            at = moments[number] if moments else None
            bars.append(
                Bar(round(x, 2), round(HEIGHT - height, 2), round(width, 2), round(height, 2), label, value, series, at)
            )
    return Chart(tuple(bars), top)


def _round_up(value: int) -> int:
    """Return the next number of one digit and zeros, or 1, 2 or 5 of them: a scale that one can read."""
    if value <= 4:
        return 4
    power = int(10 ** floor(log10(value)))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= value)
