"""A transformers model that writes many texts at once: a dense key/value cache with one row per slot, and its masks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from transformers import Cache

if TYPE_CHECKING:
    from torch import Tensor

# All rows grow together by so much: 16 slots of Gemma 3 270M take 75 MB for it, where whole rows would take 600 MB.
_GROWTH_TOKENS = 256


class SlotModel:
    """Continues several rows in one forward pass, wherever each of them stands.

    Args:
        model: a causal language model of transformers, unchanged.
        slots: rows of the cache.
        row_tokens: tokens that a row holds at most.
    """

    def __init__(self, model: Any, slots: int, row_tokens: int) -> None:
        self.slots = slots
        self.row_tokens = row_tokens
        self._model = model
        self._cache = SlotCache(slots, row_tokens)
        config = model.config.get_text_config()
        self._window: int | None = getattr(config, "sliding_window", None)
        self._layer_types: frozenset[str] = frozenset(getattr(config, "layer_types", None) or ())

    def reset(self) -> None:
        """Throw all cached keys and values away, and the memory with them."""
        self._cache = SlotCache(self.slots, self.row_tokens)

    def copy(self, source: int, target: int, tokens: int) -> None:
        """Give a row the first `tokens` tokens of another one."""
        self._cache.copy(source, target, tokens)

    def next_logits(self, rows: Sequence[int], starts: Sequence[int], tokens: Sequence[Sequence[int]]) -> Tensor:
        """Read tokens into rows, the same number into each, and return the logits behind the last one.

        Args:
            starts: for each row, how many tokens are in it already.

        Returns:
            (rows, words), float32.
        """
        device = self._model.device
        read = torch.tensor(tokens, device=device)
        positions = torch.tensor(starts, device=device)[:, None] + torch.arange(read.shape[1], device=device)
        end = max(starts) + read.shape[1]
        self._cache.aim(rows, positions, end)
        output = self._model(
            input_ids=read,
            position_ids=positions,
            attention_mask=self._masks(positions, end),
            past_key_values=self._cache,
            use_cache=True,
            logits_to_keep=1,
        )
        logits: Tensor = output.logits
        return logits[:, -1].float()

    def _masks(self, positions: Tensor, end: int) -> Tensor | dict[str, Tensor]:
        """Return which keys each token sees, (rows, 1, tokens, keys); by type of layer where there are several."""
        key = torch.arange(end, device=positions.device)[None, None, None, :]
        query = positions[:, None, :, None]
        full = key <= query
        near = full & (key > query - self._window) if self._window else full
        if "sliding_attention" in self._layer_types:
            return {"full_attention": full, "sliding_attention": near}
        return full if self._layer_types else near


class SlotCache(Cache):  # type: ignore[misc]  # transformers has no types
    """Keys and values as (slots, heads, tokens, head_dim) per layer, as long as the longest text so far needs.

    The masks say what is visible, so nothing is ever cleared: a new text simply overwrites the row.
    """

    def __init__(self, slots: int, row_tokens: int) -> None:
        super().__init__(layers=[])
        self._slots = slots
        self._row_tokens = row_tokens
        self._keys: dict[int, Tensor] = {}
        self._values: dict[int, Tensor] = {}

    def aim(self, rows: Sequence[int], positions: Tensor, end: int) -> None:
        """Say where the next forward pass writes, (rows, tokens), and that it looks at the first `end` tokens."""
        self._positions = positions
        self._end = end
        self._rows = torch.tensor(rows, device=positions.device)
        # Rows side by side can be looked at where they are; others are gathered into a copy.
        self._seen: slice | Tensor = self._rows
        if list(rows) == list(range(rows[0], rows[0] + len(rows))):
            self._seen = slice(rows[0], rows[0] + len(rows))

    def update(self, keys: Tensor, values: Tensor, layer: int, *_: object, **__: object) -> tuple[Tensor, Tensor]:
        """Store new keys and values, (rows, heads, tokens, head_dim), and return all that the rows have."""
        seen = []
        for stores, new in ((self._keys, keys), (self._values, values)):
            store = stores[layer] = self._with_room(stores.get(layer), new)
            store[self._rows[:, None], :, self._positions] = new.transpose(1, 2)
            seen.append(store[self._seen, :, : self._end])
        return seen[0], seen[1]

    def copy(self, source: int, target: int, tokens: int) -> None:
        """Copy keys and values of the first `tokens` tokens from row to row."""
        for store in (*self._keys.values(), *self._values.values()):
            store[target, :, :tokens] = store[source, :, :tokens]

    def get_seq_length(self, layer: int = 0) -> int:
        """Return how many tokens were there before the ones being read."""
        return self._end - self._positions.shape[1]

    def get_mask_sizes(self, *_: object, **__: object) -> tuple[int, int]:
        """Return how many keys a mask covers, and where they start."""
        return self._end, 0

    @property
    def is_compileable(self) -> bool:
        """Say that `generate()` must not compile a model around this cache."""
        return False

    def _with_room(self, store: Tensor | None, new: Tensor) -> Tensor:
        old_tokens = 0 if store is None else store.shape[2]
        if store is not None and old_tokens >= self._end:
            return store
        tokens = min(math.ceil(self._end / _GROWTH_TOKENS) * _GROWTH_TOKENS, self._row_tokens)
        # Zeros, not whatever memory holds: a key that is masked counts for nothing, but nothing times NaN is NaN.
        grown = new.new_zeros(self._slots, new.shape[1], tokens, new.shape[3])
        if store is not None:
            grown[:, :, :old_tokens] = store
        return grown
