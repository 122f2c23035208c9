"""How a command ends that cannot go on: one line that says what to do, and an exit code."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import Coroutine, Iterator
from typing import Any

import typer

from bot.logs import RedactingFormatter, redactor
from bot.running.child import MISCONFIGURED
from dialogue.errors import GovorunError, ModelRefused, SeedError, SettingsError

logger = logging.getLogger(__name__)

FAILED = 1
INTERRUPTED = 128 + signal.SIGINT
"""As shells have it."""

# Their log is read by machines; what other commands say is read by whoever has typed them, also through a pipe.
_SERVICES = ("up", "worker", "web", "bot")

# What fails again in the same way until a person mends it.
_NEEDS_A_PERSON = (SettingsError, SeedError, ModelRefused)


def explain(error: Exception) -> int:
    """Tell what went wrong, to the person at the terminal or in the log; return the exit code."""
    faults = list(_faults(error))
    for fault in faults:
        if isinstance(fault, GovorunError):
            _tell(str(fault))
        else:
            logger.critical("ended by an error that nobody foresaw", exc_info=fault)
    return MISCONFIGURED if any(isinstance(fault, _NEEDS_A_PERSON) for fault in faults) else FAILED


def run_to_the_end(work: Coroutine[Any, Any, None]) -> None:
    """Run what takes minutes; Ctrl-C ends it with a line.

    Raises:
        Exit: it was ended so.
    """
    try:
        asyncio.run(work)
    except KeyboardInterrupt:
        typer.secho("Ended before it was done: there is no result.", fg="yellow", err=True)
        raise typer.Exit(INTERRUPTED) from None


def _tell(sentence: str) -> None:
    formatter = logging.root.handlers[0].formatter if logging.root.handlers else None
    if isinstance(formatter, RedactingFormatter) and formatter.process in _SERVICES and not sys.stderr.isatty():
        logger.critical("%s", sentence)
    else:
        redact = formatter.redact if isinstance(formatter, RedactingFormatter) else redactor([])
        typer.secho(f"Error: {redact(sentence)}", fg="red", err=True)


def _faults(error: BaseException) -> Iterator[BaseException]:
    """Yield the errors within groups of errors."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _faults(inner)
    else:
        yield error
