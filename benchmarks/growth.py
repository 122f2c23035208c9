"""How speed and memory grow with the number of chats, with the length of the context and with the model.

`python -m benchmarks.growth` varies one of them at a time and draws `docs/images/growth-*.svg` of it (with matplotlib:
`pip install --group bench`, which `make bench` does).

- `chats`: 1 to 64 with the embedded model and a context of 256 tokens.
- `context`: 128 to 1,900 tokens in 8 chats with the embedded model.
- `model`: random models of Llama's kind with 30 to 300 million weights, 16 chats, a context of 256 tokens.

The context is read once (`read_tok_s`, up to the first token behind it), then all chats take its keys over and write
(`write_tok_s`, all together). `cache_mb` is what keys and values take in rows of that length, two for each chat as in a
worker; `rss_mb` is the resident memory of the whole process, of which Python and torch are some 400 MB.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from benchmarks import embedded_model
from benchmarks.contestants.asking import contestant
from benchmarks.results import ROOT, Row, summary, write_results

IMAGES = ROOT / "docs" / "images"
NEW_TOKENS = 32
EMBEDDED = "embedded"


@dataclass(frozen=True, slots=True)
class Point:
    """What is measured.

    Args:
        sweep: what varies: `chats`, `context` or `model`.
    """

    sweep: str
    model: str
    chats: int
    context_tokens: int


POINTS = (
    *(Point("chats", EMBEDDED, chats, 256) for chats in (1, 2, 4, 8, 16, 32, 64)),
    *(Point("context", EMBEDDED, 8, tokens) for tokens in (128, 256, 512, 1024, 1900)),
    *(Point("model", model, 16, 256) for model in ("30m", "100m", "300m")),
)


def measure(point: Point, new_tokens: int, repetitions: int, folder: Path, advance: Callable[[], None]) -> Row:
    """Measure a point so many times, and return its row."""
    arguments = (point.model, str(point.chats), str(point.context_tokens))
    with contestant("benchmarks.growth_point", *arguments, log=folder / "point.log") as asked:
        answers = []
        for number in range(1, repetitions + 1):
            answers.append(asked.ask(new_tokens=new_tokens, draw=1000 * number))
            advance()
        return row(point, answers, asked.facts)


def row(point: Point, answers: Sequence[dict[str, Any]], facts: dict[str, Any]) -> Row:
    """Return the medians and ranges of what was measured at a point; what could not be measured is left out."""
    samples = {name: [answer[name] for answer in answers] for name in answers[0]}
    known = {name: values for name, values in samples.items() if None not in values}
    return {**asdict(point), **facts, **summary(known, digits=1), "repetitions": len(answers)}


def shown(rows: Sequence[Row]) -> Table:
    """Return the rows as a table of medians."""
    keys = ("sweep", "model", "chats", "context_tokens", "read_tok_s", "write_tok_s", "cache_mb", "rss_mb")
    table = Table(*(key.replace("_", " ") for key in keys))
    for each in rows:
        table.add_row(*(str(each.get(key, "")) for key in keys))
    return table


def main() -> None:
    """Measure, write the result, draw it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--new-tokens", type=int, default=NEW_TOKENS, help="in each chat, 8 at least")
    parser.add_argument("--most-chats", type=int, default=64, help="leave points with more chats out")
    parser.add_argument("--longest", type=int, default=1900, help="leave points with a longer context out")
    parser.add_argument(
        "--out", type=Path, help="the folder of result and plots, if not benchmarks/results and docs/images"
    )
    options = parser.parse_args()
    console = Console()
    embedded_model.folder(console)
    points = [
        point for point in POINTS if point.chats <= options.most_chats and point.context_tokens <= options.longest
    ]
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total}"))
    rows = []
    with (
        tempfile.TemporaryDirectory() as folder,
        Progress(*columns, TimeRemainingColumn(), console=console) as progress,
    ):
        bar = progress.add_task("", total=len(points) * options.repetitions)
        for point in points:
            progress.update(bar, description=f"{point.model}, {point.chats} chats, {point.context_tokens} tokens")
            advance = partial(progress.advance, bar)
            rows.append(measure(point, options.new_tokens, options.repetitions, Path(folder), advance))
    path = write_results("growth", rows, *[options.out] if options.out else [])
    console.print(shown(rows))
    console.print(f"written to {path}", highlight=False)
    for image in drawn(rows, options.out or IMAGES, console):
        console.print(f"drawn in {image}", highlight=False)


def drawn(rows: Sequence[Row], folder: Path, console: Console) -> Iterator[Path]:
    """Draw the rows where matplotlib is there, and say so where it is not."""
    if find_spec("matplotlib") is None:
        console.print("matplotlib is not there, so nothing is drawn: pip install --group bench", style="yellow")
        return
    from benchmarks.growth_plots import draw

    yield from draw(rows, folder)


if __name__ == "__main__":
    main()
