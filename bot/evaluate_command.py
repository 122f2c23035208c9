"""`govorun evaluate`: two models, adapters, seeds or samplings compared on held-out dialogues."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dialogue.errors import EvaluationError

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from bot.evaluation.findings import About
    from bot.settings import Settings
    from dialogue.engine.models.loading import LoadedModel
    from dialogue.learning.evaluation import Evaluation
    from dialogue.learning.held_out import HeldOut
    from dialogue.learning.sides import Side

_SIDE = "KEY=VALUE,..."


def evaluate(
    data: Annotated[
        Path,
        typer.Option(
            metavar="FILE",
            help="Held-out dialogues: an export as prompt-completion or input-output.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Where report.html and report.json go.", show_default=False)
    ],
    adapter: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Short for --b adapter=FOLDER.", show_default=False)
    ] = None,
    a: Annotated[
        str,
        typer.Option(
            metavar=_SIDE,
            help="What is there: model, adapter, seed, temperature, top_k ...; by default the model that is set.",
            show_default=False,
        ),
    ] = "",
    b: Annotated[
        str,
        typer.Option(metavar=_SIDE, help="What is to be better; what it does not say is as set.", show_default=False),
    ] = "",
    max_dialogues: Annotated[
        int | None, typer.Option(min=1, help="Take so many dialogues, drawn by lot.", show_default=False)
    ] = None,
    samples: Annotated[
        int, typer.Option(min=0, help="Draw so many replies from each side, at most; 0 for none.")
    ] = 200,
    random_seed: Annotated[
        int, typer.Option(min=0, max=2**31 - 1, help="The same number gives the same lots, draws and intervals.")
    ] = 1,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier report.")] = False,
) -> None:
    """Compare two sides, A and B, on dialogues of people whom neither has learned from.

    How likely are the approved replies to each side, behind what was really said? And what does each side say itself:
    leaked tags, cut, empty or repeated replies, another language, length and time? With intervals, as a page and as
    JSON. The folder gets the whole report or nothing.

    [dim]Example: govorun evaluate --data data.test.jsonl --adapter adapters/isp --out report[/dim]

    [dim]Example: govorun evaluate --data data.test.jsonl --a seed=isp-support-ru --b seed=mine,temperature=0.3 --out
    report[/dim]
    """
    from bot.failing import run_to_the_end

    for name in ("report.html", "report.json"):
        if (out / name).exists() and not overwrite:
            raise EvaluationError(f"{out / name} is there already; --overwrite replaces it")
    if adapter is not None:
        if "adapter=" in b:
            raise EvaluationError("--adapter and --b adapter= are two adapters for one side: name one of them")
        b = ",".join(each for each in (b, f"adapter={adapter}") if each)
    run_to_the_end(_evaluate(data, out, a, b, max_dialogues, samples, random_seed))


async def _evaluate(
    data: Path, out: Path, a: str, b: str, max_dialogues: int | None, samples: int, random_seed: int
) -> None:
    from datetime import UTC, datetime
    from importlib.metadata import version

    from rich.console import Console

    from bot.evaluation.findings import About, description
    from bot.evaluation.tables import tell
    from bot.evaluation.yardstick import held_out_in
    from bot.running.opened_log import opened_log
    from bot.settings import load_settings
    from dialogue.learning.held_out import by_lot
    from dialogue.learning.sides import read_side
    from storage.export.rereading import reread
    from storage.seed_versions import seeds_at_work

    settings = load_settings()
    async with opened_log() as log:
        seeds = await seeds_at_work(log)
    side_a, side_b = read_side(a, "--a", seeds), read_side(b, "--b", seeds)
    file = reread(data)
    dialogues = held_out_in(file, seeds)
    taken = by_lot(dialogues, max_dialogues, random_seed)
    used = sorted({reply.seed.name for dialogue in taken for reply in dialogue.replies})
    from dialogue.learning.comparison import RESAMPLES

    about = About(
        data=file,
        seeds={name: seeds.get(name).version for name in used},
        found=len(dialogues),
        a=side_a,
        b=side_b,
        random_seed=random_seed,
        samples=samples,
        resamples=RESAMPLES,
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        govorun=version("govorun"),
    )
    evaluation = await compared(settings, taken, side_a, side_b, samples, random_seed)
    _write(out, evaluation, about)
    of_a, of_b = evaluation.sides
    doubt = ""
    if about.found != file.dialogues:
        doubt = (
            f"The manifest counts {file.dialogues} dialogues, the rows were put together to {about.found}. "
            "The intervals may be a little off."
        )
    tell(Console(), evaluation, (description(side_a, of_a), description(side_b, of_b)), doubt)
    typer.echo(f"The report: {out / 'report.html'}")


async def compared(
    settings: Settings, dialogues: list[HeldOut], a: Side, b: Side, samples: int, random_seed: int
) -> Evaluation:
    """Compare two sides, and show how far it is."""
    from dataclasses import replace

    from rich.console import Console

    from bot.running.data_folder import prepare
    from bot.running.progress import shown_progress
    from dialogue.engine.opening import load_model
    from dialogue.learning.evaluation import evaluate

    prepare(settings.data_dir)
    with shown_progress(Console(stderr=True)) as show:

        def load(model: str) -> Awaitable[LoadedModel]:
            return load_model(replace(settings.engine, model=model or settings.model), show)

        return await evaluate(dialogues, a, b, load, samples, random_seed, show)


def _write(out: Path, evaluation: Evaluation, about: About) -> None:
    """Write the report: both files or none."""
    from bot.evaluation.findings import findings
    from bot.evaluation.page import page
    from storage.export.files import whole_files

    found = json.dumps(findings(evaluation, about), ensure_ascii=False, indent=2)
    html = page(evaluation, about)
    with whole_files() as files:
        out.mkdir(parents=True, exist_ok=True)
        files.write(out / "report.html", html)
        files.write(out / "report.json", f"{found}\n")
        files.show([out / "report.html", out / "report.json"])
