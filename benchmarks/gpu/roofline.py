"""What nobody exceeds: a step reads all weights, and the keys and values of all dialogues, once."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch

# Many times what the caches hold.
_BYTES = {"cuda": 4_000_000_000, "cpu": 100_000_000}
_TRIES = 10


def bandwidth_gb_s(device: torch.device) -> float:
    """Return how fast the device's memory can be read, by whatever reads it fastest."""
    columns = 4096
    floats = torch.ones(_BYTES[device.type] // 4 // columns * columns, device=device)
    matrix = floats.view(-1, columns)
    vector = torch.ones(columns, device=device)
    ways: tuple[Callable[[], object], ...] = (floats.sum, floats.amax, lambda: matrix @ vector)
    fastest_s = min(_took_s(way, device) for way in ways for _ in range(_TRIES))
    return floats.numel() * floats.element_size() / fastest_s / 1e9


def weight_bytes(model: Any) -> int:
    """Return what a step reads of a GPT-2: everything but the positions, of which it looks up a few."""
    weights = sum(weight.numel() * weight.element_size() for weight in model.parameters())
    positions = model.get_decoder().wpe.weight
    return int(weights - positions.numel() * positions.element_size())


def key_bytes(model: Any) -> int:
    """Return what the keys and values of one token take in all layers of a GPT-2."""
    config = model.config
    return int(2 * config.n_layer * config.n_embd * model.dtype.itemsize)


def _took_s(read: Callable[[], object], device: torch.device) -> float:
    _wait_for(device)
    began = time.perf_counter()
    read()
    _wait_for(device)
    return time.perf_counter() - began


def _wait_for(device: torch.device) -> None:
    """Wait until a GPU has done what it was asked to."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
