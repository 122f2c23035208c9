"""How fast `govorun export` is, and how much memory it takes.

`python -m benchmarks.export --turns 1000000` fills a database with dialogues of 12 turns, approves all of them, and
exports them as `govorun export` does, with everything on: prompts rendered and proven, personal data replaced, exact
and near duplicates removed. `turns_per_s` counts all turns that were read; `peak_rss_mb` is the most memory of the
process that writes, and `helper_rss_mb` that of the largest of the `processes` that prepare rows.
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
from dataclasses import astuple, dataclass
from itertools import product
from pathlib import Path

from rich.console import Console

from benchmarks.bulk import Batch, fill
from benchmarks.full_log import FullLog
from benchmarks.processes import scratch
from benchmarks.results import ROOT, Row, summary, write_results
from benchmarks.review_desk import database, employ
from dialogue.seeds import load_seeds
from storage.export.exporting import export
from storage.export.plan import Plan
from storage.export.processes import usual_processes
from storage.export.wanted import Format
from storage.log.tables import dialogues, turns
from storage.reviewed import Approval

FORMATS = (Format.PROMPT_COMPLETION, Format.JSONL)
_TURNS_PER_DIALOGUE = 12
_NOW = 1_800_000_000.0


@dataclass(frozen=True, slots=True)
class Run:
    """One export.

    Args:
        peak_rss_mb: the most memory of the process that writes; `helper_rss_mb` of the largest one that prepares.
    """

    seconds: float
    peak_rss_mb: float
    helper_rss_mb: float


async def measure(kind: str, many_turns: int, options: argparse.Namespace, console: Console) -> list[Row]:
    """Fill a database of that kind, export it in every way that is wanted, and return the rows of the result."""
    with database(kind) as url, scratch() as folder:
        counted: list[int] = []
        many = max(1, many_turns // _TURNS_PER_DIALOGUE)
        with console.status(f"{kind}: filling"):
            batches = FullLog(many, _TURNS_PER_DIALOGUE, _NOW, await employ(url)).batches()
            await fill(url, approved(batches, counted))
        found = []
        for format, processes in product(options.formats, options.processes):
            runs = []
            for number in range(options.repetitions):
                with console.status(f"{kind}: {format}, {processes} processes, {number + 1} of {options.repetitions}"):
                    out = folder / f"{format}.jsonl"
                    runs.append(await asyncio.to_thread(run_apart, url, format, processes, out))
            samples = {
                "turns_per_s": [sum(counted) / run.seconds for run in runs],
                "peak_rss_mb": [run.peak_rss_mb for run in runs],
                "helper_rss_mb": [run.helper_rss_mb for run in runs],
            }
            shared = {"database": kind, "format": str(format), "processes": processes, "turns": sum(counted)}
            found.append({**shared, "repetitions": options.repetitions, **summary(samples, digits=0)})
            console.print(found[-1], highlight=False)
    return found


def approved(batches: Iterable[Batch], counted: list[int]) -> Iterator[Batch]:
    """Pass batches on with every dialogue approved, and note how many turns they have."""
    for batch in batches:
        for dialogue in batch[dialogues]:
            dialogue["approval"] = Approval.APPROVED
        counted.append(len(batch[turns]))
        yield batch


def run_apart(url: str, format: Format, processes: int, out: Path) -> Run:
    """Export in a process of its own; its start does not count."""
    command = [sys.executable, "-m", "benchmarks.export", "--one", url, format, str(processes), str(out)]
    finished = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return Run(*json.loads(finished.stdout))


def run_here(url: str, format: Format, processes: int, out: Path) -> Run:
    """Export in this process."""
    plan = Plan(format, out, is_overwriting=True, processes=processes)
    began = time.perf_counter()
    asyncio.run(export(url, load_seeds(), plan, lambda stage, share: None))
    return Run(time.perf_counter() - began, _peak_mb(resource.RUSAGE_SELF), _peak_mb(resource.RUSAGE_CHILDREN))


def _peak_mb(whose: int) -> float:
    # macOS counts bytes, all others KiB.
    return resource.getrusage(whose).ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def main() -> None:
    """Measure, write the result, show it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--databases", nargs="+", default=["sqlite", "postgresql"])
    parser.add_argument("--formats", nargs="+", type=Format, default=list(FORMATS))
    parser.add_argument("--processes", nargs="+", type=int, default=sorted({1, usual_processes()}))
    parser.add_argument("--out", type=Path, help="the folder of the result, if not benchmarks/results")
    parser.add_argument("--one", nargs=4, metavar=("URL", "FORMAT", "PROCESSES", "FILE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        url, format, processes, out = options.one
        sys.stdout.write(json.dumps(astuple(run_here(url, Format(format), int(processes), Path(out)))))
        return
    console = Console()
    rows = []
    for kind, many_turns in product(options.databases, options.turns):
        rows += asyncio.run(measure(kind, many_turns, options, console))
    path = write_results("export", rows, *[options.out] if options.out else [])
    console.print(f"written to {path}", highlight=False)


if __name__ == "__main__":
    main()
