"""The page's plots, as numbers that a template draws."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor, log10
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dialogue.learning.comparison import Interval

WIDTH = 640
"""Of a plot, in its own units; so is `HEIGHT`."""
HEIGHT = 150
_TICKS = 4
# Where there is nothing but zeros, the scale still has to reach somewhere.
_LEAST = 1e-3
# The bars of a few dialogues need not fill the plot.
_WIDEST = 40


@dataclass(frozen=True, slots=True)
class Tick:
    """A line of the scale with its number."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Whisker:
    """An interval on a horizontal scale."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Scale:
    """From the left edge of a plot to its right one; or, for bars, from the upper one to the lower one."""

    low: float
    high: float
    length: float

    def at(self, value: float) -> float:
        """Return where a value is."""
        return round((value - self.low) / (self.high - self.low) * self.length, 2)

    def ticks(self, unit: float = 1.0) -> list[Tick]:
        """Return a few round numbers of the scale; labels are in `unit`."""
        step = _round_step((self.high - self.low) * unit / _TICKS)
        first, last = ceil(self.low * unit / step - 1e-9), floor(self.high * unit / step + 1e-9)
        digits = max(0, -floor(log10(step) + 1e-9))
        return [
            Tick(self.at(number * step / unit), f"{number * step:+.{digits}f}".replace("-", "−") if number else "0")
            for number in range(first, last + 1)
        ]


def scale_for(intervals: list[Interval]) -> Scale:
    """Return a scale on which all of these intervals and zero can be seen."""
    low = min(0.0, *(each.low for each in intervals), *(each.value for each in intervals))
    high = max(0.0, *(each.high for each in intervals), *(each.value for each in intervals))
    margin = max((high - low) * 0.12, _LEAST)
    return Scale(low - margin, high + margin, WIDTH)


def whisker(interval: Interval, scale: Scale) -> Whisker:
    """Return where an interval is drawn."""
    return Whisker(scale.at(interval.value), scale.at(interval.low), scale.at(interval.high))


@dataclass(frozen=True, slots=True)
class Bar:
    """The difference in one dialogue, from above; `is_better` where B has the better figure."""

    x: float
    y: float
    width: float
    height: float
    label: str
    is_better: bool


@dataclass(frozen=True, slots=True)
class Bars:
    """Differences of all dialogues, the best first; `zero` is where none is."""

    bars: tuple[Bar, ...]
    zero: float
    ticks: tuple[Tick, ...]


def dialogue_bars(figures: tuple[tuple[float, float], ...]) -> Bars:
    """Return by how much B is better than A in each dialogue."""
    differences = sorted((a - b for a, b in figures), reverse=True)
    most = max(_LEAST, *(abs(each) for each in differences)) * 1.08
    low = -most if min(differences) < 0 else -most * 0.08
    high = most if max(differences) > 0 else most * 0.08
    # Upside down: what is drawn counts from above.
    scale = Scale(high, low, HEIGHT)
    zero, slot = scale.at(0.0), min(WIDTH / len(differences), _WIDEST)
    gap = slot * 0.15
    bars = []
    for number, each in enumerate(differences):
        y = scale.at(each)
        # A difference of nothing is still a dialogue: a thin line shows it.
        height = max(abs(y - zero), 0.8)
        top = min(y, zero) if each else zero - 0.4
        x, width = round(number * slot + gap / 2, 2), round(slot - gap, 2)
        bars.append(Bar(x, round(top, 2), width, round(height, 2), f"{each:+.4f}".replace("-", "−"), each > 0))
    ticks = [Tick(scale.at(tick_value), label) for tick_value, label in _levels(low, high)]
    return Bars(tuple(bars), zero, tuple(ticks))


def _levels(low: float, high: float) -> list[tuple[float, str]]:
    step = _round_step((high - low) / _TICKS)
    digits = max(0, -floor(log10(step) + 1e-9))
    numbers = range(ceil(low / step - 1e-9), floor(high / step + 1e-9) + 1)
    return [(number * step, f"{number * step:+.{digits}f}".replace("-", "−") if number else "0") for number in numbers]


def _round_step(rough: float) -> float:
    """Return the next of 1, 2 and 5 times a power of ten: a scale that one can read."""
    power = 10.0 ** floor(log10(rough))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= rough * (1 - 1e-9))
