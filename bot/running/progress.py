"""Shows on the terminal how far a long preparation is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn

ShowProgress = Callable[[str, float], None]
"""Takes the name of a stage and how much of it is done, from 0 to 1."""


@contextmanager
def shown_progress(console: Console) -> Iterator[ShowProgress]:
    """Show a bar while a stage is under way; where the output is no terminal, a line for each new stage."""
    if not console.is_terminal:
        yield _lines(console)
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    progress = Progress(*columns, console=console, transient=True)
    bar = progress.add_task("", total=1.0)

    def show(stage: str, share: float) -> None:
        progress.update(bar, description=stage, completed=share)
        # Between two stages there is none: what follows the last one has the terminal to itself.
        if share < 1.0:
            progress.start()
        else:
            progress.stop()

    try:
        yield show
    finally:
        progress.stop()


def _lines(console: Console) -> ShowProgress:
    shown: set[str] = set()

    def show(stage: str, share: float) -> None:
        if stage not in shown:
            shown.add(stage)
            console.print(f"{stage} …", highlight=False)

    return show
