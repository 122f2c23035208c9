"""The command `govorun`; each command imports what it needs when it runs, so help is quick and torch rarely loaded."""

from __future__ import annotations

import asyncio
import inspect
import re
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.ablate_command import ablate
from bot.augment_command import augment
from bot.compare_command import compare
from bot.demonstrate_command import demonstrate
from bot.evaluate_command import evaluate
from bot.export_command import export
from bot.finetune_command import finetune
from bot.forgotten_command import forgotten
from bot.operator_commands import operators
from bot.promote_command import promote
from bot.seed_commands import seeds
from dialogue.errors import SettingsError

if TYPE_CHECKING:
    from bot.settings import Settings

_HELP = """
A conversational chatbot server for people who run their own model.

[bold]govorun up[/bold] starts everything on this machine; [bold]govorun chat[/bold] talks in the terminal.
Settings are GOVORUN_… variables in the environment or in a file .env: see docs/settings.md.
"""

app = typer.Typer(
    help=_HELP, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich"
)
seeds.command()(compare)
seeds.command()(ablate)
seeds.command()(demonstrate)
app.add_typer(seeds, name="seeds", rich_help_panel="Look after it")
app.add_typer(operators, name="operators", rich_help_panel="Look after it")

Supervised = Annotated[bool, typer.Option(hidden=True, help="Stop when the standard input ends.")]


def _print_version(is_wanted: bool) -> None:
    if is_wanted:
        from importlib.metadata import version

        typer.echo(f"govorun {version('govorun')}")
        raise typer.Exit


@app.callback()
def govorun(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    pass


@app.command(rich_help_panel="Run it")
def up(
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port of the chat page; default 8080.")] = None,
) -> None:
    """Start everything on this machine: Redis, database, worker, chat page, and Telegram if a token is set.

    Ctrl-C stops it in order; a second Ctrl-C stops it at once. Nothing that was said is lost either way.

    [dim]Example: GOVORUN_TELEGRAM_TOKEN=123456:ABC… govorun up --port 8000[/dim]
    """
    settings = _settings("up", web_port=port)
    from rich.console import Console

    from bot.running.up import up as run_everything

    raise typer.Exit(asyncio.run(run_everything(settings, Console(highlight=False))))


@app.command(rich_help_panel="Run it")
def chat(
    seed: Annotated[str | None, typer.Option(help="Begin a dialogue with this seed (see: govorun seeds list).")] = None,
    once: Annotated[str | None, typer.Option(metavar="TEXT", help="Print one reply to TEXT and exit.")] = None,
) -> None:
    """Talk in the terminal, with the same commands as in Telegram: /new, /retry, /undo, /seed, /help …

    Uses the worker that `govorun up` runs, or loads the model itself where there is none.

    [dim]Example: govorun chat --seed small-talk-en --once "How was your day?"[/dim]
    """
    settings = _settings("chat", is_quiet=True)
    from rich.console import Console

    from bot.running.progress import shown_progress
    from bot.wiring import run_chat

    # The reply alone goes to the standard output.
    with shown_progress(Console(stderr=True)) as show:
        is_answered = asyncio.run(run_chat(settings, seed, once, show))
    raise typer.Exit(0 if is_answered else 1)


@app.command(rich_help_panel="Run it")
def worker(supervised: Supervised = False) -> None:
    """Run one worker: it loads the model and writes the replies. As many as wanted may run, on any machines.

    Several machines share GOVORUN_REDIS_URL and GOVORUN_DATABASE_URL.
    """
    settings = _settings("worker")
    from bot.running.notifying import notify_progress, notify_ready
    from bot.wiring import run_worker

    _serve(partial(run_worker, settings, ready=notify_ready, progress=notify_progress), supervised)


@app.command(rich_help_panel="Run it")
def web(supervised: Supervised = False) -> None:
    """Serve the chat page, /healthz, /metrics and Telegram's webhook."""
    settings = _settings("web")
    from bot.running.notifying import notify_ready
    from bot.wiring import run_web

    _serve(partial(run_web, settings, ready=notify_ready), supervised)


@app.command(rich_help_panel="Run it")
def bot(supervised: Supervised = False) -> None:
    """Talk to Telegram: receive, handle, send. Needs GOVORUN_TELEGRAM_TOKEN; a second one waits to take over."""
    settings = _settings("bot")
    if not settings.telegram_token:
        raise SettingsError("GOVORUN_TELEGRAM_TOKEN is not set; @BotFather in Telegram gives you one (/newbot)")
    from bot.running.notifying import notify_ready
    from bot.wiring import run_bot

    _serve(partial(run_bot, settings, ready=notify_ready), supervised)


@app.command(rich_help_panel="Run it")
def doctor() -> None:
    """Check token, Redis, SQL, model, disk, memory and GPU, and say how to mend what fails.

    Exits with 1 if anything fails.
    """
    settings = _settings("doctor", is_quiet=True)
    from rich.console import Console

    from bot.doctor import examine

    raise typer.Exit(asyncio.run(examine(settings, Console())))


# In the order in which one needs them.
for command in (export, augment, finetune, evaluate, promote, forgotten):
    app.command(rich_help_panel="Learn from it")(command)


def main() -> None:
    """Run the command line; an error of our own tree is one line, not a traceback."""
    for commands in (app, seeds, operators):
        for each in commands.registered_commands:
            each.help = _unfolded(each.callback.__doc__ or "") if each.callback else None
    try:
        app()
    except Exception as error:
        from bot.failing import explain

        sys.exit(explain(error))


def _unfolded(docstring: str) -> str:
    """Return the text with one line for each paragraph: it is folded anew where the terminal ends."""
    return re.sub(r"(?<!\n)\n(?!\n)", " ", inspect.cleandoc(docstring))


def _settings(process: str, is_quiet: bool = False, **overrides: Any) -> Settings:
    from bot.logs import configure_logging
    from bot.settings import load_settings

    settings = load_settings(**{name: value for name, value in overrides.items() if value is not None})
    level = "WARNING" if is_quiet and settings.log_level == "INFO" else settings.log_level
    configure_logging(level, settings.secrets(), process)
    return settings


def _serve(run: Callable[[asyncio.Event], Awaitable[None]], supervised: bool) -> None:
    from bot.running.stopping import end_of_input, told_to_stop

    async def serve() -> None:
        async with AsyncExitStack() as stack:
            stopping = await stack.enter_async_context(told_to_stop())
            if supervised:
                await stack.enter_async_context(end_of_input(stopping))
            await run(stopping)

    asyncio.run(serve())


if __name__ == "__main__":
    main()
