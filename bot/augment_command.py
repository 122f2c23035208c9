"""`govorun augment`: people's opening questions asked in other ways, as more rows to learn from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dialogue.errors import TrainingError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from storage.export.rereading import Reread

_FORMAT = "prompt-completion"
_ASKING = ("variants-ru", "variants-en")


def augment(
    data: Annotated[
        Path, typer.Option(metavar="FILE", help="An export as prompt-completion, to learn from.", show_default=False)
    ],
    out: Annotated[Path, typer.Option(metavar="FILE", help="The file with more rows: .jsonl.", show_default=False)],
    seed: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help="What asks in other ways; default: variants-ru and variants-en.", show_default=False
        ),
    ] = None,
    most: Annotated[int, typer.Option(min=1, max=16, help="Keep so many ways of each question at most.")] = 2,
    tolerance: Annotated[
        float, typer.Option(min=0, help="The reply may be so much less likely behind them, in nats per character.")
    ] = 0.02,
    random_seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="The same number gives the same draws.")] = 1,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what is there.")] = False,
) -> None:
    """Have the model ask in other ways what people asked first, as more rows with the same approved replies.

    Of what it writes only that is kept behind which it finds the reply as likely as behind the person's own words. A
    small model writes little that will do: read what came out before you train on it. Give it only rows that are to be
    learned, never those by which you compare.

    [dim]Example: govorun augment --data data.train.jsonl --out more.train.jsonl[/dim]
    """
    from bot.failing import run_to_the_end
    from storage.export.manifest import manifest_of
    from storage.export.rereading import reread

    if out.suffix != ".jsonl":
        raise TrainingError(f"--out {out}: name a .jsonl file")
    for path in (out, manifest_of(out)):
        if path.exists() and not overwrite:
            raise TrainingError(f"{path} exists already; --overwrite replaces it")
    file = reread(data)
    if file.format != _FORMAT:
        raise TrainingError(f"{data} is an export of the format {file.format}; rows are added to {_FORMAT}")
    run_to_the_end(_augment(file, out, seed or _ASKING, most, tolerance, random_seed))


async def _augment(
    file: Reread, out: Path, asking: Sequence[str], most: int, tolerance: float, random_seed: int
) -> None:
    from rich.console import Console

    from bot.evaluation.yardstick import held_out_in
    from bot.running.data_folder import prepare
    from bot.running.opened_log import opened_log
    from bot.running.progress import shown_progress
    from bot.settings import load_settings
    from dialogue.engine.opening import load_model
    from dialogue.kinds.choosing import kind_of
    from dialogue.learning.augmenting import Manner, asked_anew, is_opening
    from storage.export.rereading import rows_of
    from storage.seed_versions import seeds_at_work

    settings = load_settings()
    async with opened_log() as log:
        seeds = await seeds_at_work(log)
    chosen = [seeds.get(name) for name in asking]
    manner = Manner({each.language: each for each in chosen}, most, tolerance, random_seed)
    rows = list(rows_of(file))
    replies = [reply for dialogue in held_out_in(file, seeds) for reply in dialogue.replies]
    spoken = [row for row in rows if row["completion"].strip()]
    openings = [(row, reply) for row, reply in zip(spoken, replies, strict=True) if is_opening(reply)]
    if not openings:
        raise TrainingError(f"no row of {file.path} answers what a person said first")
    prepare(settings.data_dir)
    with shown_progress(Console(stderr=True)) as show:
        loaded = await load_model(settings.engine, show)
        found = await asked_anew(loaded, [reply for _, reply in openings], manner, show)
    more = [
        {**row, "prompt": kind_of(other.seed).render(other.seed, other.history)}
        for (row, _), others in zip(openings, found, strict=True)
        for other in others
    ]
    facts = {
        "from": {"file": file.path.name, "sha256": file.sha256, "manifest_sha256": file.manifest_sha256},
        "seeds": {each.name: each.version for each in manner.seeds.values()},
        "model": f"{loaded.name}@{loaded.revision}",
        "questions": len(openings),
        "rows": len(more),
        "tolerance": manner.tolerance,
        "random_seed": manner.random_seed,
    }
    _write(out, file, [*rows, *more], facts)
    typer.echo(f"{out}: {len(rows)} rows as they were, {len(more)} more for {len(openings)} opening questions")
    for row in more[:3]:
        typer.echo(f"  {row['prompt'].splitlines()[-2]}", err=True)


def _write(out: Path, file: Reread, rows: list[dict[str, Any]], augmented: dict[str, Any]) -> None:
    """Write the rows with a manifest that says where they come from: both or none."""
    from storage.export.files import whole_files
    from storage.export.json_lines import json_line
    from storage.export.manifest import VERSION, manifest_of

    manifest = manifest_of(out)
    with whole_files() as files:
        written = files.open(out)
        for row in rows:
            written.write(json_line(row))
        sealed = files.seal(out)
        entry = {"name": out.name, "split": file.split, "rows": len(rows), "dialogues": file.dialogues}
        facts = {
            **file.facts,
            "version": VERSION,
            "manifest": manifest.name,
            "files": [{**entry, "bytes": sealed.bytes, "sha256": sealed.sha256}],
            "augmented": augmented,
            # Whoever asks to be forgotten is held by this file as well.
            "dialogues": {out.name: file.facts.get("dialogues", {}).get(file.path.name, [])},
        }
        files.write(manifest, json.dumps(facts, ensure_ascii=False, indent=2) + "\n")
        files.show([manifest, out])
