"""What rounding the weights costs: how well the embedded model knows the texts of the seeds, in each precision.

`python -m benchmarks.quality` reads the text of every seed of a dialogue and looks at the scores of the word that
really comes next. Nothing is left to chance, so each text is read once in each precision; the ranges are over the
texts.

- `nats_per_token`, `nats_per_char`: minus the logarithm of that word's probability, over all texts; `perplexity` is its
  exponential.
- `over_fp32`: the perplexity over that with float32 weights.
- `same_top_share`: of all places, those at which the likeliest word is the same as with float32 weights.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from benchmarks import embedded_model
from benchmarks.results import Row, write_results
from dialogue.engine.models.loading import LoadedModel
from dialogue.engine.slots.slot_model import SlotModel
from dialogue.errors import ModelRefused
from dialogue.forms import SeedKind
from dialogue.seeds import load_seeds

EXACT = "fp32"
PRECISIONS = (EXACT, "bf16", "int8")

# The scores of so many places take 67 MB: there are 262,144 words.
_PIECE = 64
_DIGITS = 4

Advance = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Reading:
    """What the model thought of a text.

    Args:
        nats: minus the logarithm of the probability of each token behind the first.
        tops: the likeliest token at each of these places.
    """

    chars: int
    nats: tuple[float, ...]
    tops: tuple[int, ...]


def read(loaded: LoadedModel, texts: Sequence[str], advance: Advance) -> list[Reading]:
    """Read the texts one after the other, each from its beginning."""
    readings = []
    for text in texts:
        tokens = loaded.vocabulary.encode_prompt(text)
        model = SlotModel(loaded.model, 1, len(tokens), loaded.dtype, loaded.rack)
        nats: list[float] = []
        tops: list[int] = []
        for start in range(0, len(tokens) - 1, _PIECE):
            piece = tokens[start : min(start + _PIECE, len(tokens) - 1)]
            scores = model.guessed_logits(0, [start], [piece])[0]
            following = torch.tensor(tokens[start + 1 : start + 1 + len(piece)])
            nats += torch.nn.functional.cross_entropy(scores, following, reduction="none").tolist()
            tops += scores.argmax(-1).tolist()
            advance(len(piece))
        readings.append(Reading(len(text), tuple(nats), tuple(tops)))
    return readings


def row(precision: str, readings: Sequence[Reading], exact: Sequence[Reading]) -> Row:
    """Return what one precision is worth, compared with the exact one: over all texts, and its range over them."""
    together = _figures(readings, exact)
    of_texts = [_figures([reading], [other]) for reading, other in zip(readings, exact, strict=True)]
    result: Row = {"precision": precision, "texts": len(readings)}
    for name, value in together.items():
        result[name] = round(value, _DIGITS)
        values = [figures[name] for figures in of_texts]
        result[f"{name}_range"] = [round(min(values), _DIGITS), round(max(values), _DIGITS)]
    return result


def _figures(readings: Sequence[Reading], exact: Sequence[Reading]) -> dict[str, float]:
    tokens = sum(len(reading.nats) for reading in readings)
    chars = sum(reading.chars for reading in readings)
    nats = sum(sum(reading.nats) for reading in readings)
    exact_nats = sum(sum(reading.nats) for reading in exact)
    return {
        "tokens": tokens,
        "chars": chars,
        "nats_per_token": nats / tokens,
        "nats_per_char": nats / chars,
        "perplexity": math.exp(nats / tokens),
        "over_fp32": math.exp((nats - exact_nats) / tokens),
        "same_top_share": sum(map(_same_tops, readings, exact)) / tokens,
    }


def _same_tops(one: Reading, other: Reading) -> int:
    return sum(top == exact for top, exact in zip(one.tops, other.tops, strict=True))


def measure(texts: Sequence[str], console: Console) -> list[Row]:
    """Read the texts in each precision that this processor computes; return a row for each."""
    readings: dict[str, list[Reading]] = {}
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total} tokens"))
    for precision in PRECISIONS:
        try:
            loaded = embedded_model.load(precision, console)
        except ModelRefused as error:
            console.print(f"{precision} is left out: {error}", style="yellow")
            continue
        total = sum(len(loaded.vocabulary.encode_prompt(text)) - 1 for text in texts)
        with Progress(*columns, TimeRemainingColumn(), console=console) as progress, torch.inference_mode():
            bar = progress.add_task(precision, total=total)
            readings[precision] = read(loaded, texts, partial(progress.advance, bar))
    return rows(readings)


def rows(readings: Mapping[str, Sequence[Reading]]) -> list[Row]:
    """Return a row for each precision; float32 is among them."""
    return [row(precision, each, readings[EXACT]) for precision, each in readings.items()]


def shown(rows: Sequence[Row]) -> Table:
    """Return the rows as a table."""
    keys = ("perplexity", "nats_per_token", "nats_per_char", "over_fp32", "same_top_share")
    table = Table("precision", *(key.replace("_", " ") for key in keys))
    for each in rows:
        table.add_row(each["precision"], *(f"{each[key]:.4g}" for key in keys))
    return table


def main() -> None:
    """Measure, write the result, show it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chars", type=int, help="read only the beginning of each text, to try the program")
    parser.add_argument("--out", type=Path, help="the folder of the result, if not benchmarks/results")
    options = parser.parse_args()
    console = Console()
    found = measure([seed.text[: options.chars] for seed in load_seeds() if seed.kind is SeedKind.DIALOGUE], console)
    path = write_results("quality", found, *[options.out] if options.out else [])
    console.print(shown(found))
    console.print(f"written to {path}", highlight=False)


if __name__ == "__main__":
    main()
