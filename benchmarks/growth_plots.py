"""Draws what `benchmarks.growth` has measured: one picture for each of what grows, speed beside memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator

from benchmarks.results import Row

_INK, _FAINT = "#333333", "#cccccc"
# Two that are told apart in print and by the colour-blind as well: of Okabe and Ito's palette.
_FIRST, _SECOND = "#0072b2", "#d55e00"

_STYLE = {
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
    "axes.edgecolor": _INK,
    "axes.labelcolor": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "text.color": _INK,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.color": _FAINT,
    "grid.linewidth": 0.5,
    "lines.linewidth": 1.5,
    "lines.markersize": 4,
    # The same figures give the same file.
    "svg.hashsalt": "growth",
}

# For each of what grows: the key of its values, what the axis says, and what the picture says of the rest.
_SWEEPS = {
    "chats": ("chats", "chats", "Gemma 3 270M, a context of {context_tokens} tokens"),
    "context": ("context_tokens", "tokens of context in each chat", "Gemma 3 270M, {chats} chats"),
    "model": (
        "parameters_m",
        "million weights",
        "Random models, {chats} chats, a context of {context_tokens} tokens",
    ),
}


def draw(rows: Sequence[Row], folder: Path) -> Iterator[Path]:
    """Draw a picture of each sweep that has points, and yield its path."""
    folder.mkdir(parents=True, exist_ok=True)
    for sweep, (key, label, caption) in _SWEEPS.items():
        points = sorted((each for each in rows if each["sweep"] == sweep), key=lambda each: float(each[key]))
        if points:
            path = folder / f"growth-{sweep}.svg"
            with mpl.rc_context(_STYLE):
                figure = _figure(points, key, label, caption.format(**points[0]))
                figure.savefig(path, metadata={"Date": None}, facecolor="white")
            yield path


def _figure(points: Sequence[Row], key: str, label: str, caption: str) -> Figure:
    figure = Figure(figsize=(7.2, 2.9), layout="constrained")
    speed, memory = figure.subplots(1, 2)
    figure.suptitle(caption, x=0.01, ha="left", fontsize=9, fontweight="bold")
    _line(speed, points, key, "write_tok_s", "written, all chats together", _FIRST)
    if key != "chats":
        _line(speed, points, key, "read_tok_s", "read, one chat", _SECOND)
    speed.set_title("tokens per second")
    _line(memory, points, key, "rss_mb", "whole process", _FIRST)
    _line(memory, points, key, "cache_mb", "keys and values", _SECOND)
    memory.set_title("memory, MB")
    for axes in (speed, memory):
        axes.set_xlabel(label)
        axes.set_ylim(bottom=0)
        axes.set_xscale("log", base=2)
        values = [point[key] for point in points]
        axes.set_xticks(values)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.legend(frameon=False)
    return figure


def _line(axes: Any, points: Sequence[Row], key: str, measure: str, label: str, colour: str) -> None:
    """Draw the medians as a line, and the ranges as bars through its points."""
    known = [point for point in points if measure in point]
    places = [point[key] for point in known]
    medians = [point[measure] for point in known]
    spreads = [
        [median - point[f"{measure}_range"][0] for median, point in zip(medians, known, strict=True)],
        [point[f"{measure}_range"][1] - median for median, point in zip(medians, known, strict=True)],
    ]
    axes.errorbar(places, medians, yerr=spreads, label=label, color=colour, marker="o", elinewidth=0.8)
