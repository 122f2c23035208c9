"""Attention in two parts is attention in one."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from dialogue.engine.slots.shared_prefix import Attend, attend_on_cpu, attend_plainly, attend_shared

WAYS = [attend_on_cpu, attend_plainly]
TOLERANCES = {torch.float32: 2e-6, torch.float16: 4e-3, torch.bfloat16: 3e-2}


def texts(
    rows: int, end: int, shared: int, kv_heads: int = 2, width: int = 1, head_dim: int = 16, seed: int = 0
) -> tuple[Tensor, Tensor, Tensor]:
    """Return queries, keys and values of rows that begin alike; the cache lies as that of slots does."""
    chance = torch.Generator().manual_seed(seed)
    queries = torch.randn(rows, kv_heads, width, head_dim, generator=chance)
    stores = [torch.randn(rows + 2, end + 3, kv_heads, head_dim, generator=chance) for _ in range(2)]
    for store in stores:
        store[:, :shared] = store[1, :shared].clone()
    keys, values = (store[1 : rows + 1, :end].transpose(1, 2) for store in stores)
    return queries, keys, values


def mask_of(positions: list[list[int]], end: int, window: int | None = None) -> Tensor:
    """Return what tokens at these positions of each row see, (rows, 1, tokens, end)."""
    query, key = torch.tensor(positions)[:, None, :, None], torch.arange(end)
    hidden = key > query
    if window:
        hidden |= key <= query - window
    return torch.zeros(hidden.shape).masked_fill(hidden, -torch.inf)


def whole(queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor, scaling: float) -> Tensor:
    """Return what torch says, computed in float64 from the same numbers."""
    group = queries.shape[2] // mask.shape[2]
    exact = [each.double() for each in (queries, keys, values, mask.repeat_interleave(group, dim=2))]
    return scaled_dot_product_attention(exact[0], exact[1], exact[2], attn_mask=exact[3], scale=scaling)


def assert_same(parts: Tensor, one: Tensor) -> None:
    torch.testing.assert_close(parts.double(), one, rtol=0, atol=TOLERANCES[parts.dtype])


@pytest.mark.parametrize("attend", WAYS)
@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("head_dim", [16, 96, 256])
def test_two_parts_give_what_the_whole_gives(dtype: torch.dtype, head_dim: int, attend: Attend) -> None:
    queries, keys, values = (each.to(dtype) for each in texts(5, end=40, shared=23, head_dim=head_dim))
    mask = mask_of([[23], [24], [39], [30], [39]], 40).to(dtype)

    parts = attend_shared(queries, keys, values, mask, head_dim**-0.5, 23, attend)

    assert (parts.dtype, parts.shape) == (dtype, queries.shape)
    assert_same(parts, whole(queries, keys, values, mask, head_dim**-0.5))


@given(
    data=st.data(),
    rows=st.integers(1, 6),
    end=st.integers(2, 40),
    kv_heads=st.integers(1, 3),
    group=st.integers(1, 4),
    tokens=st.integers(1, 3),
    window=st.none() | st.integers(1, 20),
    attend=st.sampled_from(WAYS),
)
@settings(deadline=None)
def test_whatever_the_shape_and_whatever_is_seen(
    data: st.DataObject,
    rows: int,
    end: int,
    kv_heads: int,
    group: int,
    tokens: int,
    window: int | None,
    attend: Attend,
) -> None:
    shared = data.draw(st.integers(1, end - 1))
    position = st.integers(0, end - 1)
    positions = data.draw(st.lists(st.lists(position, min_size=tokens, max_size=tokens), min_size=rows, max_size=rows))
    tensors = texts(rows, end, shared, kv_heads, tokens * group)
    mask = mask_of(positions, end, window)

    parts = attend_shared(*tensors, mask, 0.3, shared, attend)

    assert_same(parts, whole(*tensors, mask, 0.3))


@pytest.mark.parametrize("attend", WAYS)
def test_a_mask_may_be_given_for_tokens_or_for_each_head_of_them(attend: Attend) -> None:
    tensors = texts(3, end=20, shared=11, width=2 * 4)
    mask = mask_of([[11, 12], [3, 19], [15, 16]], 20)

    of_tokens = attend_shared(*tensors, mask, 0.3, 11, attend)
    of_heads = attend_shared(*tensors, mask.repeat_interleave(4, dim=2), 0.3, 11, attend)

    assert torch.equal(of_tokens, of_heads)
    assert_same(of_tokens, whole(*tensors, mask, 0.3))


@pytest.mark.parametrize("attend", WAYS)
def test_a_window_hides_the_shared_keys_from_some_rows_and_the_others_from_those_that_fill_up(attend: Attend) -> None:
    # Longer than the blocks of 512 keys in which torch's kernel goes through them.
    tensors = texts(4, end=1500, shared=1200)
    mask = mask_of([[1210], [1499], [0], [600]], 1500, window=250)

    parts = attend_shared(*tensors, mask, 0.25, 1200, attend)

    assert mask[1, ..., :1200].isinf().all()
    assert mask[2:, ..., 1200:].isinf().all()
    assert_same(parts, whole(*tensors, mask, 0.25))


@pytest.mark.parametrize("attend", WAYS)
@pytest.mark.parametrize("size", [1e-3, 60.0])
def test_scores_may_be_large_or_small(size: float, attend: Attend) -> None:
    queries, keys, values = texts(4, end=30, shared=17)
    mask = mask_of([[29]] * 4, 30)

    parts = attend_shared(queries * size, keys, values, mask, 1.0, 17, attend)

    torch.testing.assert_close(parts.double(), whole(queries * size, keys, values, mask, 1.0), rtol=0, atol=1e-4)


@pytest.mark.parametrize("attend", WAYS)
def test_the_shared_keys_of_other_rows_are_not_looked_at(attend: Attend) -> None:
    queries, keys, values = texts(3, end=20, shared=11)
    mask = mask_of([[11], [19], [15]], 20)
    expected = attend_shared(queries, keys, values, mask, 0.3, 11, attend)
    for each in (keys, values):
        each[1:, :, :11] = torch.nan

    assert torch.equal(attend_shared(queries, keys, values, mask, 0.3, 11, attend), expected)


@pytest.mark.parametrize("attend", WAYS)
def test_queries_and_keys_may_lie_in_memory_in_any_order(attend: Attend) -> None:
    turned = (each.transpose(2, 3).contiguous().transpose(2, 3) for each in texts(3, end=20, shared=11))
    queries, keys, values = turned
    mask = mask_of([[11], [19], [15]], 20)

    parts = attend_shared(queries, keys, values, mask, 0.3, 11, attend)

    assert_same(parts, whole(queries, keys, values, mask, 0.3))


@pytest.mark.parametrize("shared", [0, 20, 21])
def test_some_keys_must_be_shared_and_some_not(shared: int) -> None:
    with pytest.raises(ValueError, match=f"{shared} of 20 keys"):
        attend_shared(*texts(3, end=20, shared=11), mask_of([[19]] * 3, 20), 0.3, shared)
