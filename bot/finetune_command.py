"""`govorun finetune`: an export becomes a LoRA adapter, or a whole model, with its lineage."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dialogue.errors import TrainingError
from dialogue.learning.plan import Method, Wishes

if TYPE_CHECKING:
    from rich.console import Console

    from dialogue.learning.watching import Show
    from storage.export.rereading import Reread

_FORMATS = {Method.SFT: ("input-output", "prompt-completion"), Method.DPO: ("dpo",), Method.KTO: ("kto",)}


def finetune(
    data: Annotated[Path, typer.Option(metavar="FILE", help="What `govorun export` has written.", show_default=False)],
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="The folder that is to appear.", show_default=False)],
    held_out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Rows of other people, to see whether it helps and when to stop.", show_default=False
        ),
    ] = None,
    model: Annotated[
        str, typer.Option(metavar="M", help="The base model; default: GOVORUN_MODEL.", show_default=False)
    ] = "",
    method: Annotated[Method, typer.Option(help="Learn from replies, from pairs, or from thumbs.")] = Method.SFT,
    full: Annotated[bool, typer.Option("--full", help="Train all weights, and write a whole model.")] = False,
    epochs: Annotated[float | None, typer.Option(min=0.01, help="How often all is read; default by method.")] = None,
    rank: Annotated[int | None, typer.Option(min=1, max=512, help="Of the adapter; default 16.")] = None,
    learning_rate: Annotated[float | None, typer.Option(min=1e-9, help="Default by the model's size.")] = None,
    max_tokens: Annotated[int | None, typer.Option(min=16, help="Of a row; default 2048.")] = None,
    seed_number: Annotated[int, typer.Option(min=0, help="What chance begins with.")] = 0,
    max_minutes: Annotated[float | None, typer.Option(min=0.01, help="End the training after so long.")] = None,
) -> None:
    """Train a model on an export. An interrupted training is gone on with by the same command.

    Replies alone are learned; with held-out rows the training ends when they get no better, and the best state is
    kept. Needs pip install 'govorun\\[train]'.

    [dim]Example: govorun finetune --data data.train.jsonl --held-out data.test.jsonl --out adapters/isp[/dim]
    """
    if out.exists():
        raise TrainingError(f"--out {out} is there already: remove it, or take another name")
    read = _read(data, method)
    read_held_out = _read(held_out, method) if held_out else None
    if read_held_out and (both := set(_dialogues(read)) & set(_dialogues(read_held_out))):
        raise TrainingError(f"{len(both)} of the dialogues in {held_out} are learned too: hold out others")
    _check_libraries()
    from rich.console import Console

    from bot.running.data_folder import prepare
    from bot.running.progress import shown_progress
    from bot.settings import load_settings
    from dialogue.engine.freed_memory import keep_freed_memory

    settings = load_settings()
    console = Console(stderr=True, highlight=False)
    os.environ.setdefault("GOMP_SPINCOUNT", "30000")  # As in `dialogue.engine.opening`: others want the cores too.
    keep_freed_memory()
    with shown_progress(console) as show:
        show("loading the libraries", 0.0)
        from dialogue.learning import base_model
        from dialogue.learning.finetuning import Order, Rows
        from dialogue.learning.finetuning import finetune as run
        from dialogue.learning.plan import planned
        from dialogue.learning.watching import Watch
        from storage.export.rereading import rows_of

        prepare(settings.data_dir)
        base = base_model.find(model or settings.model, settings.data_dir, show)
        show("loading the model", 0.0)
        learner = base_model.load(base, settings.device, full)
        show("loading the model", 1.0)
    wishes = Wishes(epochs, rank, learning_rate, max_tokens)
    plan = planned(method, full, learner.parameters, learner.device, seed_number, wishes)
    with _bar(console) as tell:
        watch = Watch(tell, max_minutes * 60 if max_minutes else None)
        rows = Rows(data.name, rows_of(read))
        rows_held_out = Rows(read_held_out.path.name, rows_of(read_held_out)) if read_held_out else None
        facts = run(Order(base, plan, rows, rows_held_out, out, _sources(read, read_held_out)), learner, watch)
    _tell(out, facts)


def _read(path: Path, method: Method) -> Reread:
    """Return a file of an export, once its manifest has proven it.

    Raises:
        TrainingError: it is of a format that this method cannot learn from.
        ExportError: there is no manifest for it, or it was changed since it was exported.
    """
    from storage.export.rereading import reread

    file = reread(path)
    if file.format not in _FORMATS[method]:
        raise TrainingError(
            f"{path} is an export of the format {file.format}; {method} learns from {' or '.join(_FORMATS[method])}"
        )
    return file


def _sources(data: Reread, held_out: Reread | None) -> dict[str, Any]:
    """Return what the lineage says about the data."""
    files = {"data": data, **({"held_out": held_out} if held_out else {})}
    return {
        **{name: _kept(file) for name, file in files.items()},
        **{name: data.facts.get(name, {}) for name in ("seeds", "models", "reviewers")},
        **{name: data.facts[name] for name in ("augmented",) if name in data.facts},
    }


def _kept(file: Reread) -> dict[str, Any]:
    return {
        "file": file.path.name,
        "sha256": file.sha256,
        "rows": file.rows,
        "format": file.format,
        "manifest": file.manifest.name,
        "manifest_sha256": file.manifest_sha256,
        "exported_at": file.facts.get("exported_at"),
        "dialogues": _dialogues(file),
    }


def _dialogues(file: Reread) -> list[str]:
    """Return the hashes by which the file's dialogues are known."""
    hashes: list[str] = file.facts.get("dialogues", {}).get(file.path.name, [])
    return hashes


def _check_libraries() -> None:
    from importlib.util import find_spec

    missing = [name for name in ("trl", "peft", "datasets", "accelerate") if find_spec(name) is None]
    if missing:
        raise TrainingError(f"training needs {', '.join(missing)}: pip install 'govorun[train]'")


@contextmanager
def _bar(console: Console) -> Iterator[Show]:
    """Show how far the training is, with its losses; where the output is no terminal, a line now and then."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from dialogue.learning.watching import Moment

    is_ending = False

    def heed(moment: Moment) -> None:
        nonlocal is_ending
        if moment.is_ending and not is_ending:
            console.print("The training ends after this step; the same command goes on with it. Ctrl-C again: at once.")
            is_ending = True

    if not console.is_terminal:
        seen: set[int] = set()
        told: float | None = None
        is_reading_told = False

        def tell(moment: Moment) -> None:
            nonlocal told, is_reading_told
            heed(moment)
            if moment.checked is not None and not is_reading_told:
                is_reading_told = True
                console.print("reading the held-out rows, as after every few steps")
            if moment.loss is not None and moment.step not in seen:
                seen.add(moment.step)
                console.print(f"step {moment.step} of {moment.steps}: loss {moment.loss:.4f}")
            if moment.held_out is not None and moment.held_out != told:
                told = moment.held_out
                console.print(f"after {moment.step} steps: held-out loss {told:.4f}")

        yield tell
        return

    def words(moment: Moment) -> str:
        if moment.checked is not None:
            return f"reading the held-out rows: {moment.checked:.0%}"
        losses = {"loss": moment.loss, "held-out": moment.held_out}
        return ", ".join(f"{name} {loss:.4f}" for name, loss in losses.items() if loss is not None)

    columns = (
        TextColumn("training"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("", total=None)

        def move(moment: Moment) -> None:
            heed(moment)
            # Before the first step nobody knows how many there will be.
            progress.update(bar, completed=moment.step, total=moment.steps or None, description=words(moment))

        yield move


def _tell(out: Path, facts: dict[str, Any]) -> None:
    metrics = facts["metrics"]
    size = sum(path.stat().st_size for path in out.rglob("*.safetensors"))
    typer.echo(f"{out}: {facts['kind']} of {size / 1e6:.1f} MB after {metrics['steps']} steps.")
    if metrics["held_out_loss_after"] is not None:
        typer.echo(
            f"Loss on held-out rows: {metrics['held_out_loss_before']:.4f}, now {metrics['held_out_loss_after']:.4f}."
        )
    if facts["data"]["replies_too_long"]:
        typer.echo(f"Left out: {facts['data']['replies_too_long']} rows with replies that are too long (--max-tokens).")
    typer.echo(f"Where it comes from: {out / 'lineage.json'}")
