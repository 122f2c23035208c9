"""A comparison as tables in the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bot.evaluation.findings import FAULT_NAMES, SIDES

if TYPE_CHECKING:
    from dialogue.learning.comparison import Interval
    from dialogue.learning.evaluation import Behaviour, Evaluation


def tell(console: Console, evaluation: Evaluation, sides: tuple[str, str], doubt: str = "") -> None:
    """Print what was found.

    Args:
        sides: A and B in a few words.
        doubt: why the figures may be off.
    """
    for name, words in zip(SIDES, sides, strict=True):
        console.print(f"[bold]{name}[/bold]  {escape(words)}", highlight=False)
    likelihood = evaluation.likelihood
    table = Table(title="How likely the approved replies are", title_justify="left", title_style="bold")
    for heading in ("nats per character", *SIDES, "A − B (above 0: B is better)"):
        table.add_column(heading, justify="left" if heading.startswith("nats") else "right")
    counted = f"{likelihood.replies} replies, {evaluation.dialogues} dialogues"
    difference = signed(likelihood.improvement, 4)
    table.add_row(counted, f"{likelihood.a:.4f}", f"{likelihood.b:.4f}", difference)
    console.print(table)
    if likelihood.left_out:
        console.print(f"{likelihood.left_out} replies do not fit the context of both sides and are left out.")
    if evaluation.behaviour is not None:
        _tell_behaviour(console, evaluation.behaviour)
    if doubt:
        console.print(f"[yellow]{doubt}[/yellow]", highlight=False)
    if evaluation.verdict.passes:
        console.print(
            "[bold green]B passes:[/bold green] likelier to say what was approved, and no more leaks or silence."
        )
    else:
        console.print("[bold yellow]B does not pass.[/bold yellow]")
        for reason in evaluation.verdict.reasons:
            console.print(f"  - {reason}", highlight=False)


def signed(interval: Interval, digits: int, suffix: str = "") -> str:
    """Return a difference with its interval: `+0.12 [+0.05, +0.19]`."""
    value, low, high = (with_sign(each, digits) for each in (interval.value, interval.low, interval.high))
    return f"{value}{suffix} [{low}, {high}]"


def with_sign(value: float, digits: int) -> str:
    """Return a number with its sign; nothing has none."""
    text = f"{value:+.{digits}f}"
    return text.replace("-", "−") if float(text) else text[1:]


def _tell_behaviour(console: Console, behaviour: Behaviour) -> None:
    table = Table(title=f"{behaviour.replies} replies drawn from each side", title_justify="left", title_style="bold")
    for heading in ("", "approved", *SIDES, "B − A, points"):
        table.add_column(heading, justify="right" if heading else "left")
    for name, fault in behaviour.faults.items():
        shares = [f"{share.value:.1%} ({count})" for share, count in zip(fault.shares, fault.counts, strict=True)]
        increase = fault.increase
        scaled = type(increase)(increase.value * 100, increase.low * 100, increase.high * 100)
        table.add_row(FAULT_NAMES[name], *shares, signed(scaled, 1))
    table.add_section()
    good, *sides = behaviour.manners
    table.add_row("characters, mean", f"{good.characters:.0f}", *(f"{side.characters:.0f}" for side in sides), "")
    table.add_row("seconds, median", "", *(f"{side.median_s:.2f}" for side in sides), "")
    table.add_row("seconds, slowest tenth", "", *(f"{side.slowest_tenth_s:.2f}" for side in sides), "")
    table.add_row("tokens a second of a reply", "", *(f"{side.tokens_per_s:.1f}" for side in sides), "")
    console.print(table)
