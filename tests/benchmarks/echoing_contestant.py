"""A contestant that answers with what it was asked, talks a lot besides, and dies of the question `fatal`."""

from __future__ import annotations

import sys
from typing import Any

from benchmarks.contestants.answering import Measure, answer


def prepare() -> tuple[Measure, dict[str, Any]]:
    """Have nothing to prepare."""
    sys.stdout.write("loading a library that says so\n")
    return measure, {"version": "7"}


def measure(**question: Any) -> dict[str, Any]:
    """Return the question."""
    sys.stdout.write("measuring\n")
    if question.get("fatal"):
        raise RuntimeError("no memory is left")
    return question


if __name__ == "__main__":
    answer(prepare)
