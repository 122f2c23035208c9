"""How fast `govorun export` is, and how much memory it takes.

`python -m benchmarks.export --turns 1000000` fills a database with dialogues of 12 turns, approves all of them, and
exports them in a process of its own with everything on: prompts rendered and proven, personal data replaced, exact and
near duplicates removed. `turns_per_s` counts all turns that were read, `peak_rss_mb` is the most memory that it had.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from rich.console import Console

from benchmarks.bulk import Batch, fill
from benchmarks.full_log import FullLog
from benchmarks.processes import scratch
from benchmarks.results import ROOT, Row, summary, write_results
from benchmarks.review_desk import database, employ
from dialogue.seeds import load_seeds
from storage.export.exporting import Plan, export
from storage.export.wanted import Format
from storage.log.tables import dialogues, turns
from storage.reviewed import Approval

FORMATS = (Format.PROMPT_COMPLETION, Format.JSONL)
_TURNS_PER_DIALOGUE = 12
_NOW = 1_800_000_000.0


async def measure(kind: str, many_turns: int, repetitions: int, console: Console) -> list[Row]:
    """Fill a database of that kind, export it so many times in each format, and return the rows of the result."""
    with database(kind) as url, scratch() as folder:
        counted: list[int] = []
        many = max(1, many_turns // _TURNS_PER_DIALOGUE)
        with console.status(f"{kind}: filling"):
            batches = FullLog(many, _TURNS_PER_DIALOGUE, _NOW, await employ(url)).batches()
            await fill(url, approved(batches, counted))
        found = []
        for format in FORMATS:
            runs = []
            for number in range(repetitions):
                with console.status(f"{kind}: {format}, {number + 1} of {repetitions}"):
                    runs.append(await asyncio.to_thread(run_apart, url, format, folder / f"{format}.jsonl"))
            samples = {
                "turns_per_s": [sum(counted) / seconds for seconds, _ in runs],
                "peak_rss_mb": [rss_mb for _, rss_mb in runs],
            }
            shared = {"database": kind, "format": str(format), "turns": sum(counted), "repetitions": repetitions}
            found.append({**shared, **summary(samples, digits=0)})
    return found


def approved(batches: Iterable[Batch], counted: list[int]) -> Iterator[Batch]:
    """Pass batches on with every dialogue approved, and note how many turns they have."""
    for batch in batches:
        for dialogue in batch[dialogues]:
            dialogue["approval"] = Approval.APPROVED
        counted.append(len(batch[turns]))
        yield batch


def run_apart(url: str, format: Format, out: Path) -> tuple[float, float]:
    """Export in a process of its own; return the seconds that it took, without its start, and its peak memory in MB."""
    command = [sys.executable, "-m", "benchmarks.export", "--one", url, format, str(out)]
    finished = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    seconds, rss_mb = json.loads(finished.stdout)
    return seconds, rss_mb


def run_here(url: str, format: Format, out: Path) -> tuple[float, float]:
    """Export in this process; return the seconds that it took, and its peak memory in MB."""
    plan = Plan(format, out, is_overwriting=True)
    began = time.perf_counter()
    asyncio.run(export(url, load_seeds(), plan, lambda stage, share: None))
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # macOS counts bytes, all others KiB.
    return seconds, peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def main() -> None:
    """Measure, write the result, show it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=1_000_000)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--databases", nargs="+", default=["sqlite", "postgresql"])
    parser.add_argument("--out", type=Path, help="the folder of the result, if not benchmarks/results")
    parser.add_argument("--one", nargs=3, metavar=("URL", "FORMAT", "FILE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        url, format, out = options.one
        sys.stdout.write(json.dumps(run_here(url, Format(format), Path(out))))
        return
    console = Console()
    rows = []
    for kind in options.databases:
        rows += asyncio.run(measure(kind, options.turns, options.repetitions, console))
    path = write_results("export", rows, *[options.out] if options.out else [])
    for row in rows:
        console.print(row, highlight=False)
    console.print(f"written to {path}", highlight=False)


if __name__ == "__main__":
    main()
