"""Matrix products of a layer, several in one: in 8 bits where a CPU is to read fewer weights, or as they are."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

# A row of a product comes in as values from -1 to 1, which the 8 bits 1 to 255 stand for; 128 is zero. The scale is
# fixed, and each row is levelled to it beforehand: a row's result does not depend on its neighbours in the batch.
_INPUT_SCALE = 1 / 127
_INPUT_ZERO = 128

# Keeps a row of nothing but zeros from being divided by zero.
_TINY = torch.finfo(torch.float32).tiny


def int8_is_fast() -> bool:
    """Say whether this CPU multiplies 8-bit integers faster than floats, in torch's own kernels (FBGEMM)."""
    # Without VNNI, FBGEMM adds up in 16 bits on the way and cuts what does not fit them.
    able = torch.cpu.get_capabilities()
    has_vnni = bool(able.get("avx512_vnni") or able.get("avx_vnni"))
    return has_vnni and "fbgemm" in torch.backends.quantized.supported_engines


class Int8Projection(nn.Module):
    """Multiplies levelled rows, (..., in) from -1 to 1, by a matrix of 8-bit weights: (..., out), float32.

    The weights are rounded to 127 steps on each side of zero, a scale for each output; the sums are whole numbers and
    exact, so that the same row gives the same result in a batch of any size.

    Args:
        weight: (out, in).
    """

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.out_features, self.in_features = weight.shape
        weight = weight.detach().float()
        scale = weight.abs().amax(1).clamp(min=_TINY) / 127
        steps = (weight / scale[:, None]).round().to(torch.int8)
        zeros = torch.zeros(len(weight), dtype=torch.int64)
        with warnings.catch_warnings():
            # torch wants to drop tensors of this kind one day; the exact version that is installed has them.
            warnings.simplefilter("ignore", UserWarning)
            quantised = torch._make_per_channel_quantized_tensor(steps, scale.double(), zeros, 0)
        torch.backends.quantized.engine = "fbgemm"
        self._packed = torch.ops.quantized.linear_prepack(quantised, None)

    def forward(self, levelled: Tensor) -> Tensor:
        """Return the products, (..., out)."""
        product: Tensor = torch.ops.quantized.linear_with_input_q_dq_qweight_dq_output_fp32(
            levelled, _INPUT_SCALE, _INPUT_ZERO, self._packed
        )
        return product


class FloatProjection(nn.Module):
    """Multiplies rows by a matrix of floats: what `Int8Projection` does, without rounding.

    Args:
        weight: (out, in).
    """

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.out_features, self.in_features = weight.shape
        self._weight = nn.Parameter(weight.detach().float(), requires_grad=False)

    def forward(self, levelled: Tensor) -> Tensor:
        """Return the products, (..., out)."""
        return nn.functional.linear(levelled, self._weight)


class Int8Linear(nn.Module):
    """Stands in for a linear layer: levels its rows, multiplies in 8 bits, and undoes the levelling."""

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        super().__init__()
        self.projection: nn.Module = Int8Projection(weight)
        self._bias = None if bias is None else nn.Parameter(bias.detach().float(), requires_grad=False)

    def forward(self, rows: Tensor) -> Tensor:
        """Return the outputs, (..., out)."""
        levelled, size = level(rows)
        product: Tensor = self.projection(levelled)
        return product.mul_(size) if self._bias is None else torch.addcmul(self._bias, product, size)


def level(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Divide each row by its greatest value; return the rows, (..., width) from -1 to 1, and their sizes, (..., 1)."""
    size = rows.abs().amax(-1, keepdim=True).clamp_(min=_TINY)
    return rows / size, size


def joined(layers: Sequence[Any]) -> tuple[Tensor, Tensor | None]:
    """Return the weights of linear layers with the same input as one matrix, (all outputs, in), and their biases.

    Raises:
        TypeError: some of them have a bias and others have none.
    """
    biases = [layer.bias for layer in layers]
    if any(bias is None for bias in biases) and any(bias is not None for bias in biases):
        raise TypeError("some of the layers have a bias and others have none")
    bias = None if biases[0] is None else torch.cat(biases).detach().float()
    return torch.cat([layer.weight.detach() for layer in layers]), bias
