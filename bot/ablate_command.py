"""`govorun seeds ablate`: which example of a seed pays for its tokens."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from itertools import takewhile
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.at_work import AtWork, seeds_for

# What the other columns take of a line.
_OTHER_COLUMNS = 72
_LEAST_CHARS = 12

_OWN_EXAMPLES = "its own examples: each of the others was left out, and was the thing to be said"

if TYPE_CHECKING:
    from rich.console import Console

    from bot.evaluation.yardstick import Yardstick
    from dialogue.learning.ablation import Ablated
    from dialogue.seeds import Seed


def ablate(
    seed: Annotated[str, typer.Argument(metavar="SEED", help="A seed's name, or a file of one (.toml).")],
    held_out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="An export as prompt-completion or input-output; by default a share of the demonstrations or, without "
            "any, the seed's own examples.",
            show_default=False,
        ),
    ] = None,
    max_dialogues: Annotated[int, typer.Option(min=1, help="Take so many dialogues at most, drawn by lot.")] = 8,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was found as an object.")] = False,
    random_seed: Annotated[
        int, typer.Option(min=0, max=2**31 - 1, help="The same number gives the same lots and intervals.")
    ] = 1,
    at_work: AtWork = False,
) -> None:
    """Leave out one example of a seed after the other: are good replies less likely without it?

    [dim]Example: govorun seeds ablate words-ru-en[/dim]

    [dim]Example: govorun seeds ablate my-seeds/isp-support-ru.toml --held-out data.test.jsonl[/dim]
    """
    from bot.evaluation.yardstick import yardstick
    from bot.failing import run_to_the_end
    from dialogue.errors import EvaluationError
    from dialogue.forms import SeedKind
    from dialogue.seeds import seed_at

    seeds = seeds_for([seed], at_work)
    whole = seed_at(seed, seeds)
    if held_out and whole.kind is not SeedKind.DIALOGUE:
        raise EvaluationError(
            f"{whole.name} is of the kind {whole.kind}, and exports have dialogues: without --held-out its own "
            "examples are what it is measured on"
        )
    measure = yardstick([whole], seeds, held_out, max_dialogues, random_seed)
    run_to_the_end(_ablate(whole, measure, as_json, random_seed))


async def _ablate(seed: Seed, measure: Yardstick | None, as_json: bool, random_seed: int) -> None:
    from time import monotonic

    from rich.console import Console

    from bot.evaluation.yardstick import BARE_MODEL
    from bot.running.data_folder import prepare
    from bot.running.progress import shown_progress
    from bot.settings import load_settings
    from dialogue.engine.opening import load_model
    from dialogue.learning.ablation import ablate

    settings = load_settings()
    prepare(settings.data_dir)
    with shown_progress(Console(stderr=True)) as show:
        loaded = await load_model(settings.engine, show)
        started = monotonic()
        found = await ablate(loaded, seed, measure.dialogues if measure else [], random_seed, show)
        seconds = monotonic() - started
    words = (
        measure.words if measure else "its own examples: each of the others was left out, and was the thing to be said"
    )
    if as_json:
        facts = {
            "seed": seed.name,
            "version": seed.version,
            "model": loaded.name,
            "revision": loaded.revision,
            "measured_on": words,
            "unit": "nats per character",
            "random_seed": random_seed,
            "seconds": round(seconds, 1),
            "examples": [_facts(each) for each in found],
        }
        typer.echo(json.dumps(facts, ensure_ascii=False, indent=2))
        return
    _tell(Console(), found)
    typer.echo(f"Measured on {words}; with {loaded.name}, in {seconds:.0f} s.")
    if measure:
        typer.echo(BARE_MODEL)


def _facts(example: Ablated) -> dict[str, Any]:
    return {**asdict(example), "gain_per_100_tokens": example.gain_per_100_tokens}


def _tell(console: Console, found: Sequence[Ablated]) -> None:
    from rich.markup import escape
    from rich.table import Table

    from bot.evaluation.tables import signed, with_sign
    from dialogue.learning.ablation import Worth
    from dialogue.learning.comparison import LEAST_DIALOGUES

    colours = {Worth.PAYS: "green", Worth.UNCLEAR: "dim", Worth.HARMS: "red"}
    table = Table(title="Nats per character that replies gain by each example", title_justify="left", box=None)
    width = max(_LEAST_CHARS, console.width - _OTHER_COLUMNS)
    table.add_column("example", max_width=width)
    for heading in ("tokens", "gain", "per 100"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for each, words in zip(found, _apart([each.text.replace("\n", " ") for each in found]), strict=True):
        verdict = f"[{colours[each.worth]}]{each.worth}[/]"
        gain, dense = signed(each.gain, 4), with_sign(each.gain_per_100_tokens, 4)
        table.add_row(escape(shorten(words, 2 * width - 4, placeholder=" …")), str(each.tokens), gain, dense, verdict)
    console.print(table, highlight=False)
    if any(each.compared < LEAST_DIALOGUES for each in found):
        console.print(
            f"Where fewer than {LEAST_DIALOGUES} others are left to measure on, as here, nothing can be shown."
        )


def _apart(texts: list[str]) -> list[str]:
    """Take off the words that all texts begin with: they would fill the column."""
    same = sum(1 for _ in takewhile(lambda letters: len(set(letters)) == 1, zip(*texts, strict=False)))
    alike = len(texts[0][:same].rpartition(" ")[0])
    return [f"…{text[alike:]}" if alike else text for text in texts]
