"""A decoder layer of the Llama family in half the operations: what a CPU spends on a token besides reading weights."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from dialogue.engine.models.adapters import Part
from dialogue.engine.models.projections import joined, level

if TYPE_CHECKING:
    from dialogue.engine.slots.slot_cache import SlotCache

Project = Callable[[Tensor, Sequence[Part]], nn.Module]
"""Makes a projection of a matrix, (out, in), that joins these layers of the original."""


class LeanLayer(nn.Module):
    """Does what the decoder layers of Llama, Mistral, Qwen 2, Qwen 3 and Gemma 3 do, out of their own weights.

    transformers writes a layer down so that it is easy to read: some hundred small operations, each of which costs a
    CPU one or two microseconds whatever it does, as much as the weights in 8 bits. Here queries, keys and values are
    one product, so are gate and up; a norm and the levelling of its result share their work; and what the next norm
    takes off again (the size of a row) is never put on.

    Whether it really does the same is decided by trying, not by names: see `fitness`.

    Args:
        layer: the layer of transformers.
        name: its path in the model.
        project: makes the projections.

    Raises:
        AttributeError, TypeError: the layer is built otherwise.
    """

    def __init__(self, layer: Any, name: str, project: Project) -> None:
        super().__init__()
        attention, mlp = layer.self_attn, layer.mlp
        self.index: int = attention.layer_idx
        self._head_dim: int = attention.head_dim
        self._scaling: float = attention.scaling
        self._heads = attention.q_proj.out_features // self._head_dim
        self._kv_heads = attention.k_proj.out_features // self._head_dim
        self._qkv, self._qkv_bias = _projection(attention, ("q_proj", "k_proj", "v_proj"), f"{name}.self_attn", project)
        self._out, self._out_bias = _projection(attention, ("o_proj",), f"{name}.self_attn", project)
        self._gate_up, self._gate_up_bias = _projection(mlp, ("gate_proj", "up_proj"), f"{name}.mlp", project)
        self._down, self._down_bias = _projection(mlp, ("down_proj",), f"{name}.mlp", project)
        self._activate = gelu_tanh if "GELUTanh" in type(mlp.act_fn).__name__ else mlp.act_fn
        # Gemma has a norm on both sides of attention and MLP; the others have one in front of each.
        is_sandwiched = hasattr(layer, "pre_feedforward_layernorm")
        self._norm_in = _Norm(layer.input_layernorm)
        self._norm_middle = _Norm(layer.pre_feedforward_layernorm if is_sandwiched else layer.post_attention_layernorm)
        self._norm_attended = _Norm(layer.post_attention_layernorm) if is_sandwiched else None
        self._norm_out = _Norm(layer.post_feedforward_layernorm) if is_sandwiched else None
        self._norm_heads = (
            _HeadNorm(attention.q_norm, attention.k_norm, self._heads, self._kv_heads)
            if hasattr(attention, "q_norm")
            else None
        )

    def forward(
        self,
        hidden_states: Tensor,
        attention_mask: Tensor,
        position_embeddings: tuple[Tensor, Tensor],
        past_key_values: SlotCache,
        **_: object,
    ) -> Tensor:
        """Return the hidden states behind the layer, (rows, tokens, width).

        Args:
            attention_mask: added to the scores, (rows, 1, tokens, keys).
            position_embeddings: cosines and sines as `LeanRotary` gives them.
        """
        shape = hidden_states.shape
        hidden = hidden_states.reshape(-1, shape[-1])
        levelled, size = self._norm_in.levelled(hidden)
        attended = self._attend(levelled, size, attention_mask, position_embeddings, past_key_values, shape)
        hidden = _added(hidden, attended, self._out, self._out_bias, self._norm_attended)
        levelled, size = self._norm_middle.levelled(hidden)
        hidden = _added(hidden, self._gated(levelled, size), self._down, self._down_bias, self._norm_out)
        return hidden.view(shape)

    def _attend(
        self,
        levelled: Tensor,
        size: Tensor,
        mask: Tensor,
        rotation: tuple[Tensor, Tensor],
        cache: SlotCache,
        shape: torch.Size,
    ) -> tuple[Tensor, Tensor | float]:
        """Return what the heads have gathered, (rows * tokens, heads * head_dim)."""
        product = self._qkv(levelled)
        if self._qkv_bias is not None:
            product = torch.addcmul(self._qkv_bias, product, size)
        heads = product.view(len(levelled), -1, self._head_dim)
        turned, values = heads[:, : -self._kv_heads], heads[:, -self._kv_heads :]
        if self._norm_heads is not None:
            turned = self._norm_heads(turned, size if self._qkv_bias is None else None)
        elif self._qkv_bias is None:
            turned = turned * size[:, None]
        if self._qkv_bias is None:
            values = values * size[:, None]
        cosines, sines = rotation
        turned = torch.addcmul(turned * cosines, turned.roll(self._head_dim // 2, -1), sines)
        keys, values = cache.write(turned[:, self._heads :], values, self.index)
        queries = turned[:, : self._heads].view(*shape[:2], self._kv_heads, -1, self._head_dim)
        gathered = attend(queries, keys, values, mask, self._scaling)
        return level(gathered.reshape(len(levelled), -1))

    def _gated(self, levelled: Tensor, size: Tensor) -> tuple[Tensor, Tensor | float]:
        product = self._gate_up(levelled)
        width = product.shape[-1] // 2
        if self._gate_up_bias is not None:
            product, size = torch.addcmul(self._gate_up_bias, product, size), torch.ones_like(size)
        gate, up = product[:, :width], product[:, width:]
        levelled, own_size = level(self._activate(gate * size) * up)
        return levelled, own_size * size


class LeanRotary(nn.Module):
    """Wraps a model's rotary embedding and gives it in the form in which `LeanLayer` applies it.

    Cosines and sines come as (rows * tokens, 1, head_dim), and the sines of the first half are negative: a head turns
    by one roll, where transformers cuts it in two, negates one half and joins them again.
    """

    def __init__(self, rotary: nn.Module) -> None:
        super().__init__()
        self.rotary = rotary

    def forward(self, *arguments: Any, **named: Any) -> tuple[Tensor, Tensor]:
        """Return cosines and sines for the positions."""
        cosines, sines = self.rotary(*arguments, **named)
        width = cosines.shape[-1]
        sines[..., : width // 2].neg_()
        return cosines.reshape(-1, 1, width), sines.reshape(-1, 1, width)


def attend(queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor, scaling: float) -> Tensor:
    """Return what each head gathers, (rows, tokens, kv_heads, heads of a kv_head, head_dim).

    The heads that share their keys go through as if they were further tokens: the keys are read once for all of them.

    Args:
        queries: (rows, tokens, kv_heads, heads of a kv_head, head_dim).
        keys: (rows, kv_heads, keys, head_dim), and so the values.
        mask: (rows, 1, tokens, keys), added to the scores.
    """
    rows, tokens, kv_heads, group, head_dim = queries.shape
    folded = queries.permute(0, 2, 1, 3, 4).reshape(rows, kv_heads, tokens * group, head_dim)
    if tokens > 1 and group > 1:
        mask = mask.repeat_interleave(group, dim=2)
    gathered = nn.functional.scaled_dot_product_attention(folded, keys, values, attn_mask=mask, scale=scaling)
    return gathered.view(rows, kv_heads, tokens, group, head_dim).permute(0, 2, 1, 3, 4)


def gelu_tanh(x: Tensor) -> Tensor:
    """Return the tanh approximation of GELU; through the sigmoid, which torch computes twice as fast as the tanh.

    Source: Hendrycks and Gimpel, "Gaussian Error Linear Units", section 2; (1 + tanh u) / 2 is the sigmoid of 2 u.
    """
    slope = 2 * math.sqrt(2 / math.pi)
    return (x * x).mul_(0.044715 * slope).add_(slope).mul_(x).sigmoid_().mul_(x)


def _projection(parent: Any, children: Sequence[str], path: str, project: Project) -> tuple[nn.Module, Tensor | None]:
    layers = [getattr(parent, child) for child in children]
    weight, bias = joined(layers)
    ends = list(accumulate(layer.out_features for layer in layers))
    parts = [
        Part(f"{path}.{child}", end - layer.out_features, layer.out_features)
        for child, layer, end in zip(children, layers, ends, strict=True)
    ]
    return project(weight, parts), None if bias is None else nn.Parameter(bias, requires_grad=False)


def _added(
    hidden: Tensor,
    levelled: tuple[Tensor, Tensor | float],
    projection: nn.Module,
    bias: Tensor | None,
    norm: _Norm | None,
) -> Tensor:
    """Add to the hidden states what a projection makes of levelled rows, behind a norm if there is one."""
    rows, size = levelled
    product: Tensor = projection(rows)
    if bias is not None:
        product, size = torch.addcmul(bias, product, torch.as_tensor(size)), 1.0
    if norm is None:
        return torch.addcmul(hidden, product, torch.as_tensor(size))
    return norm.added(hidden, product, size)


class _Norm:
    """RMSNorm of rows, (rows, width), that takes its weights from a norm of transformers, whatever form they have."""

    def __init__(self, norm: Any) -> None:
        weight, eps = _weight_and_eps(norm)
        width = len(weight)
        # x / sqrt(mean(x²) + eps) is x * sqrt(width) / hypot(|x|, sqrt(width * eps)).
        self._gain = weight * math.sqrt(width)
        self._least = torch.tensor(math.sqrt(width * eps))

    def levelled(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Return the rows after the norm, each divided by its greatest value, and these values, (rows, 1)."""
        length = torch.hypot(torch.linalg.vector_norm(rows, dim=-1, keepdim=True), self._least)
        levelled, size = level(rows * self._gain)
        return levelled, size / length

    def added(self, hidden: Tensor, rows: Tensor, size: Tensor | float) -> Tensor:
        """Return the hidden states and, added to them, the norm of the rows times their size."""
        length = torch.hypot(torch.linalg.vector_norm(rows, dim=-1, keepdim=True), self._least / size)
        return torch.addcdiv(hidden, rows * self._gain, length)


class _HeadNorm:
    """RMSNorm of queries and keys, (rows, heads, head_dim), both at once."""

    def __init__(self, of_queries: Any, of_keys: Any, heads: int, kv_heads: int) -> None:
        (weight_q, eps), (weight_k, _) = _weight_and_eps(of_queries), _weight_and_eps(of_keys)
        width = len(weight_q)
        weights = torch.cat([weight_q.expand(heads, -1), weight_k.expand(kv_heads, -1)])
        self._gain = weights * math.sqrt(width)
        self._least = torch.tensor(math.sqrt(width * eps))

    def __call__(self, heads: Tensor, size: Tensor | None) -> Tensor:
        """Return the norm of the heads; `size` is what they are still to be multiplied by, (rows, 1)."""
        least = self._least if size is None else (self._least / size)[:, None]
        return heads * self._gain / torch.hypot(torch.linalg.vector_norm(heads, dim=-1, keepdim=True), least)


def _weight_and_eps(norm: Any) -> tuple[Tensor, float]:
    """Return by what the norm multiplies in the end: its weight for Llama, one more than its weight for Gemma."""
    eps = norm.variance_epsilon if hasattr(norm, "variance_epsilon") else norm.eps
    ones = torch.ones(len(norm.weight), dtype=torch.float32)
    return norm.float()(ones).detach() * math.sqrt(1 + eps), float(eps)
