"""`govorun seeds demonstrate`: dialogues as a good operator leads them, put into the log as approved."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from dialogue.demonstrations import Demonstration
    from dialogue.seeds import Seed


def demonstrate(
    name: Annotated[str, typer.Argument(help="The seed, as in: govorun seeds list.", show_default=False)],
    operator: Annotated[
        str, typer.Option(metavar="NAME", help="Whose words the bot's turns are, and who approves them.")
    ],
    folder: Annotated[
        Path | None, typer.Option(help="Where NAME/*.txt lie; this project's own by default.", exists=True)
    ] = None,
) -> None:
    """Put the demonstrations of a seed into the log, as if an operator had said and approved them.

    They are training data from the first day on: see govorun export. What is there already is not put there again.

    [dim]Example: govorun seeds demonstrate isp-support-ru --operator Olga[/dim]
    """
    from dialogue.demonstrations import load_demonstrations
    from dialogue.seeds import load_seeds

    seed = load_seeds().get(name)
    found = load_demonstrations(seed, folder)
    new = asyncio.run(_play(seed, found, operator))
    typer.echo(f"{new} dialogues of {seed.name} were put into the log, {len(found) - new} were there already.")


async def _play(seed: Seed, found: list[Demonstration], name: str) -> int:
    from rich.console import Console

    from bot.running.opened_log import opened_log
    from bot.running.progress import shown_progress
    from dialogue.errors import ReviewError
    from storage.demonstrating import demonstrate

    async with opened_log() as log:
        async with log.reviewing() as reading:
            operators = {each.name: each for each in await reading.operators()}
        if name not in operators:
            raise ReviewError(f"there is no operator {name!r}; to make the account: govorun operators add {name}")
        with shown_progress(Console(stderr=True)) as show:
            return await demonstrate(log, operators[name], seed, found, show)
