"""`govorun seeds compare`: two seeds, or a seed and a draft of it, by the figures of `govorun evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.at_work import AtWork, seeds_for

if TYPE_CHECKING:
    from bot.evaluation.yardstick import Yardstick
    from dialogue.seeds import Seed


def compare(
    a: Annotated[str, typer.Argument(metavar="A", help="What is there: a seed's name, or a file of one (.toml).")],
    b: Annotated[str, typer.Argument(metavar="B", help="What is to be better: a name, or a file.")],
    held_out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="An export as prompt-completion or input-output; by default a share of the demonstrations.",
            show_default=False,
        ),
    ] = None,
    max_dialogues: Annotated[int, typer.Option(min=1, help="Take so many dialogues at most, drawn by lot.")] = 40,
    samples: Annotated[int, typer.Option(min=0, help="Draw so many replies from each side, at most; 0 for none.")] = 60,
    random_seed: Annotated[
        int, typer.Option(min=0, max=2**31 - 1, help="The same number gives the same lots, draws and intervals.")
    ] = 1,
    at_work: AtWork = False,
) -> None:
    """Compare two seeds on held-out dialogues, or on demonstrations: what is likelier, and what does each say itself?

    [dim]Example: govorun seeds compare isp-support-ru my-seeds/isp-support-ru.toml[/dim]
    """
    from bot.evaluation.yardstick import yardstick
    from bot.failing import run_to_the_end
    from dialogue.errors import EvaluationError
    from dialogue.forms import SeedKind
    from dialogue.seeds import seed_at

    seeds = seeds_for([a, b], at_work)
    sides = seed_at(a, seeds), seed_at(b, seeds)
    for seed in sides:
        if seed.kind is not SeedKind.DIALOGUE:
            raise EvaluationError(
                f"{seed.name} is of the kind {seed.kind}, and only dialogues are compared; "
                f"to see what its examples are good for: govorun seeds ablate {seed.name}"
            )
    measure = yardstick(sides, seeds, held_out, max_dialogues, random_seed)
    if measure is None:
        raise EvaluationError(
            f"there are no demonstrations of {' or '.join(dict.fromkeys((a, b)))}: name held-out dialogues with "
            "--held-out FILE; govorun export --format prompt-completion writes them"
        )
    run_to_the_end(_compare((a, b), sides, measure, samples, random_seed))


async def _compare(
    places: tuple[str, str], seeds: tuple[Seed, Seed], measure: Yardstick, samples: int, random_seed: int
) -> None:
    from rich.console import Console

    from bot.evaluate_command import compared
    from bot.evaluation.tables import tell
    from bot.evaluation.yardstick import BARE_MODEL
    from bot.settings import load_settings
    from dialogue.learning.sides import Side

    a, b = (Side(seed=seed) for seed in seeds)
    evaluation = await compared(load_settings(), measure.dialogues, a, b, samples, random_seed)
    typer.echo(f"Measured on {measure.words}.")
    typer.echo(BARE_MODEL)
    words = [f"{place} ({seed.version})" for place, seed in zip(places, seeds, strict=True)]
    tell(Console(), evaluation, (words[0], words[1]))
