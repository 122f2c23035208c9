"""How many turns a second go through the whole durable path, what it adds to a turn, and what a stock bot does.

`python -m benchmarks.pipeline` runs one bot, one worker with the echo engine, the embedded valkey (append-only file)
and SQLite (write-ahead log, every commit synced), and beside them a Bot API server with people in it. All of it, the
server included, shares two cores.

- `turns_per_s`: many people talk at the same time; each says the next thing as soon as the last is answered, so no two
  messages are ever answered together. The first message of a person, which makes a person, a chat and a dialogue,
  counts like all others.
- `added_ms_p50`, `added_ms_p99`: 30 messages a second, evenly; from the moment a message can be fetched to the moment
  its reply has arrived at the server.
- `stock_ptb_ratio`: the first figure over that of `benchmarks.stock` with the same people.

Ours and stock take turns; each time everything starts anew, with nothing in its database.
"""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from benchmarks.processes import Control, module, scratch, telegram
from benchmarks.results import Row, percentile, summary, write_results
from tests.telegram_server import TOKEN

CORES = 2
PER_S = 30.0
_POLL_S = 0.25
# If nothing at all was answered for so long, nothing will be.
_STALLED_S = 30.0


@dataclass(frozen=True, slots=True)
class Load:
    """What is said in one repetition.

    Args:
        messages: of each person.
        evenly: how many in all, at PER_S.
    """

    chats: int
    messages: int
    evenly: int

    @property
    def turns(self) -> int:
        return self.chats * self.messages


Samples = dict[str, list[float]]
Advance = Callable[[int], None]


async def measure(load: Load, repetitions: int, console: Console) -> Row:
    """Measure both, so many times, and return the row of the result."""
    samples: Samples = {}
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total} turns"))
    with Progress(*columns, TimeRemainingColumn(), console=console) as progress:
        total = repetitions * (2 * load.turns + load.evenly)
        bar = progress.add_task("", total=total)
        for number in range(1, repetitions + 1):
            for name, measured in (("ours", measure_ours), ("stock", measure_stock)):
                progress.update(bar, description=f"{name}, {number} of {repetitions}")
                for key, value in (await measured(load, _advance(progress, bar))).items():
                    samples.setdefault(key, []).append(value)
    ratios = [ours / stock for ours, stock in zip(samples["turns_per_s"], samples["stock_turns_per_s"], strict=True)]
    return {
        **summary({**samples, "stock_ptb_ratio": ratios}),
        "chats": load.chats,
        "turns": load.turns,
        "even_turns": load.evenly,
        "even_turns_per_s": PER_S,
        "repetitions": repetitions,
    }


async def measure_ours(load: Load, advance: Advance) -> dict[str, float]:
    """Measure our path from an empty start."""
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(scratch())
        people = await stack.enter_async_context(telegram("benchmarks.crowd", folder / "crowd.log"))
        env = {
            "GOVORUN_TELEGRAM_TOKEN": TOKEN,
            "GOVORUN_TELEGRAM_API_URL": people.url,
            "GOVORUN_DATA_DIR": str(folder / "data"),
            "GOVORUN_MODEL": "echo",
        }
        for kind in ("worker", "bot"):
            await stack.enter_async_context(module("benchmarks.ours", kind, log=folder / f"{kind}.log", env=env))
        await people("talk", chats=load.chats, messages=load.messages)
        talked = await _until_answered(people, load.turns, advance)
        await people("speak_evenly", chats=load.chats, messages=load.evenly, per_s=PER_S)
        await _until_answered(people, load.evenly, advance)
        delays_ms = [delay_s * 1000 for delay_s in await people("delays_s")]
    return {
        "turns_per_s": load.turns / talked["took_s"],
        "added_ms_p50": percentile(delays_ms, 0.5),
        "added_ms_p99": percentile(delays_ms, 0.99),
    }


async def measure_stock(load: Load, advance: Advance) -> dict[str, float]:
    """Measure the stock bot from an empty start."""
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(scratch())
        people = await stack.enter_async_context(telegram("benchmarks.crowd", folder / "crowd.log"))
        command = ("benchmarks.stock", people.url, str(folder / "stock.db"))
        await stack.enter_async_context(module(*command, log=folder / "stock.log"))
        await people("talk", chats=load.chats, messages=load.messages)
        talked = await _until_answered(people, load.turns, advance)
    return {"stock_turns_per_s": load.turns / talked["took_s"]}


async def _until_answered(people: Control, turns: int, advance: Advance) -> dict[str, Any]:
    """Wait until everything was answered, and answered right; return what was measured."""
    answered = 0
    async with asyncio.timeout(_STALLED_S) as stalled:
        while True:
            measured: dict[str, Any] = await people("measured")
            if measured["complaints"]:
                raise RuntimeError("; ".join(measured["complaints"][:5]))
            if measured["answered"] > answered:
                stalled.reschedule(asyncio.get_running_loop().time() + _STALLED_S)
                advance(measured["answered"] - answered)
                answered = measured["answered"]
            if answered == turns:
                return measured
            await asyncio.sleep(_POLL_S)


def _advance(progress: Progress, bar: TaskID) -> Advance:
    return lambda turns: progress.advance(bar, turns)


def shown(row: Row) -> Table:
    """Return the row as a table."""
    table = Table("", "median", "range")
    for name, value in row.items():
        if f"{name}_range" in row:
            table.add_row(name, str(value), "{} to {}".format(*row[f"{name}_range"]))
    return table


def main() -> None:
    """Measure, write the result, show it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--chats", type=int, default=100, help="how many people talk at the same time")
    parser.add_argument("--messages", type=int, default=30, help="how many messages each of them says")
    parser.add_argument("--evenly", type=int, default=600, help=f"how many are said at {PER_S:.0f} a second")
    parser.add_argument("--out", type=Path, help="the folder of the result, if not benchmarks/results")
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    console = Console()
    row = asyncio.run(measure(Load(options.chats, options.messages, options.evenly), options.repetitions, console))
    path = write_results("pipeline", [row], *[options.out] if options.out else [])
    console.print(shown(row))
    console.print(f"written to {path}", highlight=False)


if __name__ == "__main__":
    main()
