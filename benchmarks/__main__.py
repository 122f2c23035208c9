"""`python -m benchmarks`: every benchmark that needs no GPU, one after the other."""

from __future__ import annotations

import subprocess
import sys

from benchmarks.results import ROOT

BENCHMARKS = ("pipeline", "startup", "faults", "engine_cpu", "reuse", "quality", "vote", "growth", "review")


def main() -> int:
    """Run them all, whatever becomes of each; return how many failed."""
    commands = [[sys.executable, "-m", f"benchmarks.{name}"] for name in BENCHMARKS]
    return sum(subprocess.run(command, cwd=ROOT, check=False).returncode != 0 for command in commands)


if __name__ == "__main__":
    sys.exit(main())
