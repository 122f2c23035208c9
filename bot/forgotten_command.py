"""`govorun forgotten`: which exports, adapters and models still hold something of people who were forgotten since."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer


def forgotten(
    folders: Annotated[
        list[Path] | None,
        # A mistyped folder holds nobody, which must not be taken for good news.
        typer.Argument(help="Where to look; here by default.", exists=True, file_okay=False, show_default=False),
    ] = None,
) -> None:
    """List the exports, adapters and models that hold something of people who were forgotten since.

    /forget erases a person from the log, and so from all later exports; it does not reach into files. Exits with 1 if
    anything is found.

    [dim]Example: govorun forgotten data adapters[/dim]
    """
    raise typer.Exit(asyncio.run(_look(folders or [Path()])))


async def _look(folders: list[Path]) -> int:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from bot.running.opened_log import opened_log
    from storage.export.holders import held_by_model, holders

    async with opened_log() as log:
        gone = await log.forgotten()
        proofs = await log.proofs()
    rows = [
        (str(holder.path), holder.dialogues)
        for folder in folders
        for holder in await asyncio.to_thread(holders, folder, gone)
    ]
    for adapter, proof in proofs.items():
        if many := held_by_model(proof.get("lineage", {}), gone):
            rows.append((f"adapter {adapter}, which was promoted", many))
    if not rows:
        typer.echo("Nothing that was looked at holds anybody who was forgotten since.")
        return 0
    table = Table(box=None, pad_edge=False)
    table.add_column("holds somebody")
    table.add_column("dialogues", justify="right")
    for what, many in rows:
        table.add_row(Text(what), str(many))
    Console(highlight=False).print(table)
    typer.echo("Delete the files and export again; train again without them, and promote what comes of it.")
    return 1
