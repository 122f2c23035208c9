"""Strikes a whole installation in every way that `docs/guarantees.md` names, and writes down what came of it.

`python -m benchmarks.faults` takes some minutes, with `--large` an hour; names of scenarios choose some of them.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence
from dataclasses import replace

from benchmarks.results import Row, write_results
from tests.faults.load import LARGE, SMALL, Size
from tests.faults.result import Result
from tests.faults.scenarios.catalogue import SCENARIOS


def main() -> int:
    """Run the scenarios; return how many promises were not kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenarios", nargs="*", choices=[*SCENARIOS, []], default=[], metavar="SCENARIO")
    parser.add_argument("--large", action="store_true", help="200 chats, 20 messages in each, about 50 strikes")
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--seed", type=int, default=1, help="for everything that is left to chance")
    options = parser.parse_args()
    size = replace(LARGE if options.large else SMALL, seed=options.seed, database=options.database)
    results = asyncio.run(_run(options.scenarios or list(SCENARIOS), size))
    broken = [name for name, result in results.items() if not result.is_kept]
    if not options.scenarios:
        print(write_results("faults", [_row(name, result, size) for name, result in results.items()]))
    print(_table(list(results.values())))
    return len(broken)


async def _run(names: Sequence[str], size: Size) -> dict[str, Result]:
    results = {}
    for name in names:
        began = time.monotonic()
        result = results[name] = await SCENARIOS[name](size)
        print(f"{name}: {'kept' if result.is_kept else 'BROKEN'} ({time.monotonic() - began:.0f} s)", file=sys.stderr)
        for complaint in result.complaints:
            print(f"  {complaint}", file=sys.stderr)
    return results


def _row(name: str, result: Result, size: Size) -> Row:
    recovery_s = result.recovery_p99_s
    return {
        "guarantee": result.guarantee,
        "scenario": name,
        "database": size.database,
        "load": result.load,
        "injected": result.injected,
        "lost": result.lost,
        "doubled": result.doubled,
        "flagged": result.flagged,
        "recovery_p99_s": None if recovery_s is None else round(recovery_s, 2),
        "complaints": list(result.complaints),
        "note": result.note,
    }


def _table(results: Sequence[Result]) -> str:
    """Return the results as the table of the docs."""
    lines = [
        "| id | load | injected | lost | doubled | marked | recovery p99 | and |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for each in results:
        recovery = "" if each.recovery_p99_s is None else f"{each.recovery_p99_s:.1f} s"
        cells = (each.guarantee, each.load, each.injected, each.lost, each.doubled, each.flagged, recovery, each.note)
        lines.append(f"| {' | '.join(str(cell) for cell in cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
