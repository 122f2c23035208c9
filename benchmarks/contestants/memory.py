"""No contestant but a yardstick: how fast the memory of this machine can be read, all cores together.

A step reads every weight once, so no step is shorter than the weights divided by this, whatever computes it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch

from benchmarks.contestants.answering import Measure, answer

# Many times what the caches of a processor hold.
_BYTES = 400_000_000
_TRIES = 5


def prepare() -> tuple[Measure, dict[str, Any]]:
    """Take the memory."""
    floats = torch.ones(_BYTES // 4)
    columns = 4000
    matrix = floats.view(-1, columns)
    bytes_ = floats.view(torch.int8)
    vector = torch.ones(columns)
    # Which of them reads fastest is another one on each processor.
    ways: tuple[Callable[[], object], ...] = (floats.sum, floats.amax, bytes_.amax, lambda: matrix @ vector)

    def measure() -> dict[str, Any]:
        return {"bandwidth_gb_s": _BYTES / min(_took_s(way) for way in ways for _ in range(_TRIES)) / 1e9}

    return measure, {}


def _took_s(read: Callable[[], object]) -> float:
    began = time.perf_counter()
    read()
    return time.perf_counter() - began


if __name__ == "__main__":
    with torch.inference_mode():
        answer(prepare)
