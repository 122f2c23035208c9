"""How long `govorun up` takes until it is ready and until the first reply, and how much memory it takes then.

`python -m benchmarks.startup` starts it with the embedded model on an empty data directory, which converts the model
(cold), and once more on the same one (warm). A message waits in Telegram from the beginning, so that the first reply
includes everything. Not included is the installation. The system has the files of the libraries and of the model in its
cache, unless they were never used before.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import socket
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.processes import Control, module, scratch, telegram
from benchmarks.results import Row, summary, write_results
from tests.telegram_server import TOKEN

_POLL_S = 0.02
_PATIENCE_S = 120.0
_RUNS = ("cold", "warm")
# What the last word of a command says the process is.
_PROCESSES = ("up", "web", "bot", "worker")


async def measure(repetitions: int, console: Console) -> Row:
    """Start it cold and warm so many times, and return the row of the result."""
    times: dict[str, list[float]] = {}
    memory: dict[str, list[float]] = {}
    for number in range(1, repetitions + 1):
        with scratch() as folder:
            async with telegram("tests.telegram_server", folder / "telegram.log") as server:
                for person, run in enumerate(_RUNS, 1):
                    with console.status(f"{run}, {number} of {repetitions}"):
                        ready_s, reply_s, rss_mb = await start(server, folder, person)
                    times.setdefault(f"{run}_ready_s", []).append(ready_s)
                    times.setdefault(f"{run}_first_reply_s", []).append(reply_s)
        for name, size_mb in rss_mb.items():
            memory.setdefault(name, []).append(size_mb)
    return {**summary(times), "rss_mb": summary(memory, digits=0), "repetitions": repetitions}


async def start(server: Control, folder: Path, person: int) -> tuple[float, float, dict[str, float]]:
    """Start it; return the seconds until it is ready and until the first reply, and each process's memory then.

    Args:
        person: who writes; somebody new each time, for a reply that only repeats is drawn several times.
    """
    await server("say", chat_id=person, text="Здравствуйте! Со вчерашнего вечера не работает интернет.")
    env = {
        "GOVORUN_TELEGRAM_TOKEN": TOKEN,
        "GOVORUN_TELEGRAM_API_URL": server.url,
        "GOVORUN_DATA_DIR": str(folder / "data"),
        "GOVORUN_WEB_PORT": str(_free_port()),
    }
    began = time.monotonic()
    async with module("bot.cli", "up", log=folder / "up.log", env=env, until="is ready"):
        ready_s = time.monotonic() - began
        async with asyncio.timeout(_PATIENCE_S):
            while not await server("texts", chat_id=person):
                await asyncio.sleep(_POLL_S)
        return ready_s, time.monotonic() - began, resident_mb(folder / "data")


def resident_mb(data_dir: Path) -> dict[str, float]:
    """Return the resident memory of each process that works on the data directory; nothing where there is no /proc."""
    memory = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_text("utf-8").rstrip("\0").split("\0")
            environment = (process / "environ").read_text("utf-8", "replace")
            status = (process / "status").read_text("utf-8")
            cwd = (process / "cwd").readlink()
        except OSError:
            continue  # It has ended.
        resident = re.search(r"VmRSS:\s+(\d+) kB", status)
        name = _name(command, environment, cwd, data_dir)
        if name and resident:
            memory[name] = int(resident[1]) / 1024
    return memory


def _name(command: list[str], environment: str, cwd: Path, data_dir: Path) -> str:
    if cwd == data_dir / "valkey":
        return "valkey"
    if f"GOVORUN_DATA_DIR={data_dir}\0" not in environment:
        return ""
    return next((name for name in _PROCESSES if name in command), "")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def shown(row: Row) -> Table:
    """Return the row as a table."""
    table = Table("", "median", "range")
    flat = {**row, **{f"{name}, MB": value for name, value in row["rss_mb"].items() if not name.endswith("_range")}}
    for name, value in flat.items():
        spread = row.get(f"{name}_range") or row["rss_mb"].get(f"{name.removesuffix(', MB')}_range")
        if spread:
            table.add_row(name, str(value), "{} to {}".format(*spread))
    return table


def main() -> None:
    """Measure, write the result, show it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--out", type=Path, help="the folder of the result, if not benchmarks/results")
    options = parser.parse_args()
    console = Console()
    row = asyncio.run(measure(options.repetitions, console))
    path = write_results("startup", [row], *[options.out] if options.out else [])
    console.print(shown(row))
    console.print(f"written to {path}", highlight=False)


if __name__ == "__main__":
    main()
