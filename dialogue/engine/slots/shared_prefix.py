"""Attention of many rows whose first keys are the same, such as those of a seed: these are read once for all rows."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Attend = Callable[[Tensor, Tensor, Tensor, Tensor, float], tuple[Tensor, Tensor]]
"""Attends to a part of the keys: takes queries, keys, values, mask and scaling, and returns what was gathered and the
logarithm of the sum of the keys' weights, float32; zeros and minus infinity where the mask hides the whole part."""


def attend_shared(
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
    mask: Tensor,
    scaling: float,
    shared: int,
    attend: Attend | None = None,
) -> Tensor:
    """Return what the queries gather, in their shape and type: that of `scaled_dot_product_attention`, up to rounding.

    The rows' queries go through the shared keys as if they were one row's; each row goes through the others by itself;
    what both parts give is weighted by the sums of their keys' weights.

    Source: Juravsky et al., "Hydragen", section 3 (https://arxiv.org/abs/2402.05099).

    Args:
        queries: (rows, kv_heads, tokens * group, head_dim); the heads of a group, which share their keys, stand side by
            side for each token.
        keys: (rows, kv_heads, end, head_dim), and so the values.
        mask: added to the scores, (rows, 1, tokens, end) or (rows, 1, tokens * group, end), 0 or minus infinity; every
            query sees a key.
        shared: how many keys at the beginning are the same in all rows; those of the first row are read.
        attend: how a part is attended to; None for what suits the device.

    Raises:
        ValueError: no key is shared, or every key.
    """
    rows, kv_heads, width, head_dim = queries.shape
    if not 0 < shared < keys.shape[2]:
        raise ValueError(f"{shared} of {keys.shape[2]} keys are shared: there must be some of them, and others")
    if mask.shape[2] != width:
        mask = mask.repeat_interleave(width // mask.shape[2], dim=2)
    attend = attend or (attend_on_cpu if queries.is_cpu else attend_plainly)
    gathered, weight = attend(
        queries.transpose(0, 1).reshape(1, kv_heads, rows * width, head_dim),
        keys[:1, :, :shared],
        values[:1, :, :shared],
        mask[..., :shared].reshape(1, 1, rows * width, shared),
        scaling,
    )
    of_shared = gathered.view(kv_heads, rows, width, head_dim).transpose(0, 1).float()
    weight_of_shared = weight.view(kv_heads, rows, width).transpose(0, 1)
    gathered, weight = attend(queries, keys[:, :, shared:], values[:, :, shared:], mask[..., shared:], scaling)
    # The sigmoid of the difference of two logarithms is the second number's share of both.
    share = (weight - weight_of_shared).sigmoid_()
    return torch.lerp(of_shared, gathered.float(), share[..., None]).to(queries.dtype)


def attend_on_cpu(queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor, scaling: float) -> tuple[Tensor, Tensor]:
    """Attend to a part of the keys with torch's kernel for CPUs, which keeps no scores; see `Attend`."""
    # The kernel takes the last dimensions for dense without looking.
    if any(each.stride(-1) != 1 for each in (queries, keys, values)):
        queries, keys, values = queries.contiguous(), keys.contiguous(), values.contiguous()
    gathered, weight = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
        queries, keys, values, attn_mask=mask, scale=scaling
    )
    # Where everything is hidden it says 0.
    return gathered, weight.masked_fill(mask.amax(-1) == -torch.inf, -torch.inf)


def attend_plainly(
    queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor, scaling: float
) -> tuple[Tensor, Tensor]:
    """Attend to a part of the keys on any device; see `Attend`."""
    scores = (queries @ keys.transpose(-1, -2)).float() * scaling + mask
    weight = scores.logsumexp(-1)
    # Minus infinity less minus infinity would be no number.
    shares = (scores - weight.clamp(min=torch.finfo(torch.float32).min)[..., None]).exp()
    return shares.to(values.dtype) @ values, weight
