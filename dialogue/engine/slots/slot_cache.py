"""Keys and values of many texts: one row per slot, as long as the longest text needs."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from transformers import Cache

KeptKeys = list[tuple[Tensor, Tensor]]
"""A copy of keys and values of one text, (tokens, heads, head_dim) each, in the order of the layers."""

# All rows grow together by so much: 16 slots of Gemma 3 270M take 75 MB for it, where whole rows would take 600 MB.
_GROWTH_TOKENS = 256


class SlotCache(Cache):  # type: ignore[misc]  # transformers has no types
    """Keys and values as (slots, tokens, heads, head_dim) per layer.

    The masks say what is visible, so nothing is ever cleared: a new text simply overwrites the row. Each row has one
    token more than texts may have, `spare`: what only fills up a batch is written there, and nobody looks at it.

    Args:
        dtype: of what is kept; None for that of the model's keys.
        is_whole: take the memory for whole rows at once, so that nothing moves later.
    """

    def __init__(self, slots: int, row_tokens: int, dtype: torch.dtype | None = None, is_whole: bool = False) -> None:
        super().__init__(layers=[])
        self.dtype = dtype
        self._slots = slots
        self._row_tokens = row_tokens
        self._is_whole = is_whole
        self._room = row_tokens + 1 if is_whole else 0
        self._stores: dict[int, tuple[Tensor, Tensor]] = {}

    def clear(self) -> None:
        """Forget everything; rows that grow give their memory back."""
        if not self._is_whole:
            self._stores.clear()
            self._room = 0
        # In place, as whole rows never move. Zeros, as what a step that failed has left may not be numbers.
        for pair in self._stores.values():
            for store in pair:
                store.zero_()

    @property
    def bytes_per_token(self) -> int:
        """What a token of one row takes in all layers; 0 before anything was written."""
        stores = (store for pair in self._stores.values() for store in pair)
        return sum(store[0, 0].numel() * store.element_size() for store in stores)

    def make_room(self, end: int) -> None:
        """See to it that every row can hold so many tokens, and one to spare."""
        if end < self._room:
            return
        self._room = min(math.ceil((end + 1) / _GROWTH_TOKENS) * _GROWTH_TOKENS, self._row_tokens + 1)
        for layer, pair in self._stores.items():
            self._stores[layer] = (_longer(pair[0], self._room), _longer(pair[1], self._room))

    @property
    def spare(self) -> int:
        """The place in each row that no text uses; it moves when the rows grow."""
        return self._room - 1

    def aim(self, first: int, positions: Tensor, end: int) -> None:
        """Say what the next forward pass writes and reads.

        Args:
            first: the row of the first text; the others follow it.
            positions: where its tokens are written, (rows, tokens).
            end: how many tokens of each row it looks at.
        """
        rows, self._tokens = positions.shape
        self._end = end
        self._seen = slice(first, first + rows)
        starts = torch.arange(first, first + rows, device=positions.device)[:, None] * self._room
        self._places = (starts + positions).view(-1)

    def write(self, keys: Tensor, values: Tensor, layer: int) -> tuple[Tensor, Tensor]:
        """Store new keys and values, (rows * tokens, heads, head_dim), and return what the pass looks at.

        Returns:
            Views of the cache, (rows, heads, keys, head_dim).
        """
        if layer not in self._stores:
            shape = (self._slots, self._room, *keys.shape[1:])
            # Zeros, not whatever memory holds: a key that is masked counts for nothing, but nothing times NaN is NaN.
            dtype = self.dtype or keys.dtype
            self._stores[layer] = (keys.new_zeros(shape, dtype=dtype), keys.new_zeros(shape, dtype=dtype))
        seen = []
        for store, new in zip(self._stores[layer], (keys, values), strict=True):
            store.view(-1, *new.shape[1:]).index_copy_(0, self._places, new.to(store.dtype))
            seen.append(store[self._seen, : self._end].transpose(1, 2))
        return seen[0], seen[1]

    def update(self, keys: Tensor, values: Tensor, layer: int, *_: object, **__: object) -> tuple[Tensor, Tensor]:
        """Store new keys and values, (rows, heads, tokens, head_dim), and return all that the pass looks at."""
        flat = [new.transpose(1, 2).reshape(-1, new.shape[1], new.shape[3]) for new in (keys, values)]
        return self.write(flat[0], flat[1], layer)

    def copy(self, source: int, target: int, tokens: int) -> None:
        """Copy keys and values of the first `tokens` tokens from row to row."""
        for pair in self._stores.values():
            for store in pair:
                store[target, :tokens] = store[source, :tokens]

    def swap(self, one: int, other: int, tokens: int) -> None:
        """Exchange the first `tokens` tokens of two rows."""
        for pair in self._stores.values():
            for store in pair:
                kept = store[one, :tokens].clone()
                store[one, :tokens] = store[other, :tokens]
                store[other, :tokens] = kept

    def keep(self, row: int, tokens: int) -> KeptKeys:
        """Return a copy of the first `tokens` tokens of a row."""
        return [(keys[row, :tokens].clone(), values[row, :tokens].clone()) for keys, values in self._stores.values()]

    def restore(self, kept: KeptKeys, row: int, tokens: int) -> None:
        """Give a row the first `tokens` tokens of what was kept."""
        self.make_room(tokens)
        for pair, copies in zip(self._stores.values(), kept, strict=True):
            for store, copy in zip(pair, copies, strict=True):
                store[row, :tokens] = copy[:tokens]

    def get_seq_length(self, layer: int = 0) -> int:
        """Return how many tokens were there before the ones being read."""
        return self._end - self._tokens

    def get_mask_sizes(self, *_: object, **__: object) -> tuple[int, int]:
        """Return how many keys a mask covers, and where they start."""
        return self._end, 0

    @property
    def is_compileable(self) -> bool:
        """Say that `generate()` must not compile a model around this cache."""
        return False


def _longer(store: Tensor, tokens: int) -> Tensor:
    grown = store.new_zeros(store.shape[0], tokens, *store.shape[2:])
    grown[:, : store.shape[1]] = store
    return grown
