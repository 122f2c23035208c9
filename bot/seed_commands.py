"""`govorun seeds`: what the bot can talk about, and whether the files that say so are in order."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.at_work import AtWork, edited_seeds, seeds_for, who_and_when

if TYPE_CHECKING:
    from dialogue.seeds import Seed

seeds = typer.Typer(no_args_is_help=True, help="Look at the seeds, and check seed files of your own.")


@seeds.command("list")
def list_seeds() -> None:
    """List the seeds by language and name, with what each does, and who has put another version to work and when."""
    from rich.console import Console
    from rich.table import Table

    from dialogue.seeds import load_seeds

    table = Table(box=None, header_style="bold")
    for name in ("name", "kind", "in"):
        table.add_column(name, no_wrap=True)
    table.add_column("what it does")
    if edited := edited_seeds():
        table.add_column("another version is at work")
    for seed in load_seeds():
        put = [who_and_when(edited[seed.name])] if seed.name in edited else []
        table.add_row(seed.name, seed.kind.value, seed.language, seed.description, *put)
    # Through a pipe nothing is folded: a line is a seed.
    Console(highlight=False, width=None if sys.stdout.isatty() else 300).print(table)


@seeds.command()
def show(name: Annotated[str, typer.Argument(help="As in: govorun seeds list.")], at_work: AtWork = False) -> None:
    """Print a seed: how it draws, the text before every dialogue, the greeting."""
    from dataclasses import asdict

    seed = seeds_for([name], at_work).get(name)
    facts = {
        "title": seed.title,
        "description": seed.description,
        "language": seed.language,
        "kind": seed.kind.value,
        "version": seed.version,
        "tags": f"{seed.tags.person}, {seed.tags.bot}",
        "sampling": ", ".join(f"{key} {value}" for key, value in asdict(seed.sampling).items()),
        "group": seed.group.value,
        **_form(seed),
        "longest message": f"{seed.max_message_chars} characters",
        "greeting": seed.greeting,
        "example": seed.example,
    }
    for fact, value in facts.items():
        if value:
            typer.echo(f"{typer.style(fact, bold=True)}: {value}")
    typer.echo(f"\n{seed.text}")


def _form(seed: Seed) -> dict[str, str]:
    """Return what a seed that is no dialogue puts a person's words into, and what it asks of an answer."""
    form = seed.form
    return {
        "template": form.template,
        "opening": form.opening,
        "until": form.until.value if form.template and form.variants == 1 else "",
        "variants": str(form.variants) if form.variants > 1 else "",
        "parameters": ", ".join(f"{name}={usual}" for name, usual in form.parameters),
        "schema": ", ".join(f"{key}: {kind}" for key, kind in form.schema),
    }


@seeds.command("try")
def try_seed(
    name: Annotated[str, typer.Argument(help="As in: govorun seeds list.")],
    text: Annotated[str | None, typer.Argument(help="What to say; without it, each line of the input.")] = None,
    show_prompt: Annotated[bool, typer.Option("--show-prompt", help="Print what the model is given as well.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer as an object, one a line.")] = False,
    at_work: AtWork = False,
) -> None:
    """Answer a message with a seed, or one after the other, with the model of GOVORUN_MODEL; nothing is kept.

    [dim]Example: govorun seeds try music-en "Queen and David Bowie" --json[/dim]
    """
    from rich.console import Console

    from bot.logs import configure_logging
    from bot.running.progress import shown_progress
    from bot.settings import load_settings
    from bot.trying import try_out

    settings = load_settings()
    level = "WARNING" if settings.log_level == "INFO" else settings.log_level
    configure_logging(level, settings.secrets(), "seeds")
    seed = seeds_for([name], at_work).get(name)
    with shown_progress(Console(stderr=True)) as show:
        is_answered = asyncio.run(try_out(settings, seed, text, show_prompt, as_json, show))
    raise typer.Exit(0 if is_answered else 1)


@seeds.command()
def lint(
    paths: Annotated[list[Path] | None, typer.Argument(help="Seed files, or folders of them.", exists=True)] = None,
) -> None:
    """Check seed files, by default the project's own, and count their tokens as the model of GOVORUN_MODEL does.

    Prints FILE: KEY: reason for everything that is wrong, and exits with 1 if anything is.

    [dim]Example: govorun seeds lint my-seeds/library-en.toml[/dim]
    """
    from dialogue.errors import SeedError

    found: list[Seed] = []
    problems: list[str] = []
    own: list[Path | None] = [None]
    for path in paths or own:
        try:
            found += _read(path)
        except SeedError as error:
            problems += str(error).splitlines()
    problems += asyncio.run(_warnings(found))
    for problem in problems:
        typer.secho(problem, fg="red")
    if problems:
        raise typer.Exit(1)


def _read(path: Path | None) -> list[Seed]:
    from dialogue.seeds import load_seeds, read_seed

    return [read_seed(path.name, path.read_bytes())] if path is not None and path.is_file() else list(load_seeds(path))


async def _warnings(found: list[Seed]) -> list[str]:
    from rich.console import Console

    from bot.running.progress import shown_progress
    from bot.settings import load_settings
    from dialogue.engine.opening import open_engine
    from dialogue.seed_lint import lint as warnings_of

    if not found:
        return []
    settings = load_settings()
    with shown_progress(Console(stderr=True)) as show:
        async with open_engine(settings.engine, show) as engine:
            for seed in found:
                typer.echo(f"{seed.name}: {engine.count_tokens(seed.text)} of {engine.context_tokens} tokens")
            return [each for seed in found for each in warnings_of(seed, engine.count_tokens, engine.context_tokens)]
