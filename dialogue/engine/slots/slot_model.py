"""A transformers model that writes many texts at once: where each of them stands in the cache, and what it may see."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch

from dialogue.engine.slots.replay import Inputs, Pending, ReplayedSteps
from dialogue.engine.slots.slot_cache import KeptKeys, SlotCache

if TYPE_CHECKING:
    from torch import Tensor

    from dialogue.engine.models.adapters import Rack
    from dialogue.engine.slots.buckets import Bucket
    from dialogue.engine.slots.recorders import Recorder


class SlotModel:
    """Continues texts in neighbouring rows in one forward pass, wherever each of them stands.

    Args:
        model: a causal language model of transformers.
        slots: rows of the cache.
        row_tokens: tokens that a row holds at most.
        cache_dtype: of keys and values; None for that in which the model computes.
        rack: the model's adapters; None where it has none.
        recorder: makes the steps in which texts are written repeatable: they have a few fixed shapes then, and the
            cache takes its memory at once. None where the steps are done as they come, in memory that grows.
    """

    def __init__(
        self,
        model: Any,
        slots: int,
        row_tokens: int,
        cache_dtype: torch.dtype | None = None,
        rack: Rack | None = None,
        recorder: Recorder | None = None,
    ) -> None:
        self.slots = slots
        self.row_tokens = row_tokens
        self._model = model
        self._mask_dtype = cache_dtype or model.dtype
        self._rack = rack
        config = model.config.get_text_config()
        self._window: int | None = getattr(config, "sliding_window", None)
        self._layer_types: frozenset[str] = frozenset(getattr(config, "layer_types", None) or ())
        self._cache = SlotCache(slots, row_tokens, cache_dtype, is_whole=recorder is not None)
        self._steps: ReplayedSteps | None = None
        self._recorded_version = 0
        if recorder is not None:
            self._steps = ReplayedSteps(self._step, recorder, slots, row_tokens, self._cache.spare, model.device)

    @property
    def bytes_per_token(self) -> int:
        """What the cache takes for a token of one row; 0 before anything was read."""
        return self._cache.bytes_per_token

    def reset(self) -> None:
        """Throw all cached keys and values away, and what memory can be given back."""
        if self._steps is not None:
            self._steps.forget()
        self._cache.clear()

    def copy(self, source: int, target: int, tokens: int) -> None:
        """Give a row the first `tokens` tokens of another one."""
        self._cache.copy(source, target, tokens)

    def swap(self, one: int, other: int, tokens: int) -> None:
        """Exchange the first `tokens` tokens of two rows."""
        self._cache.swap(one, other, tokens)

    def keep(self, row: int, tokens: int) -> KeptKeys:
        """Return a copy of the first `tokens` tokens of a row."""
        return self._cache.keep(row, tokens)

    def restore(self, kept: KeptKeys, row: int, tokens: int) -> None:
        """Give a row the first `tokens` tokens of what was kept."""
        self._cache.restore(kept, row, tokens)

    def read(
        self,
        first: int,
        starts: Sequence[int],
        tokens: Sequence[Sequence[int]],
        adapters: Sequence[str | None] = (),
    ) -> None:
        """Read tokens into the rows from `first` on; they may differ in number from row to row.

        Args:
            starts: for each row, how many tokens are in it already.
            adapters: for each row, the name of the adapter it is read with; none by default.
        """
        self._pass(self._model.base_model, first, starts, tokens, adapters)

    def next_logits(
        self, first: int, starts: Sequence[int], tokens: Sequence[int], adapters: Sequence[str | None] = ()
    ) -> Tensor:
        """Read one token into each of the rows from `first` on and return the logits behind it.

        Returns:
            (rows, words), float32.
        """
        return self._logits(first, starts, [[token] for token in tokens], adapters)[:, -1]

    def logits_ahead(
        self, starts: Sequence[int], tokens: Sequence[int], adapters: Sequence[str | None], pending: Pending | None
    ) -> Tensor:
        """Do the same with the first rows, some of whose tokens Python may not know yet; only in recorded steps.

        Returns:
            (rows, words), float32, valid until the next step.
        """
        assert self._steps is not None
        return self._steps.logits(starts, [[token] for token in tokens], self._numbers(adapters), pending)[:, -1]

    def guessed_logits(
        self,
        first: int,
        starts: Sequence[int],
        tokens: Sequence[Sequence[int]],
        adapters: Sequence[str | None] = (),
    ) -> Tensor:
        """Read tokens into the rows from `first` on, as `read` does, and return the logits behind each of them.

        Returns:
            (rows, tokens, words), float32; where a row has fewer tokens than others, its own are the last.
        """
        return self._logits(first, starts, tokens, adapters)

    def logits_behind(
        self, start: int, tokens: Sequence[int], wanted: Sequence[int], adapter: str | None = None
    ) -> Tensor:
        """Read tokens into the first row, and return the logits behind some of them; the others cost no output layer.

        Args:
            start: how many tokens are in the row already.
            wanted: which of `tokens`, by their places among them.

        Returns:
            (wanted, words), float32.
        """
        kept = torch.tensor(wanted, device=self._model.device)
        logits: Tensor = self._pass(self._model, 0, [start], [tokens], [adapter], kept).logits
        return logits[0].float()

    def _logits(
        self,
        first: int,
        starts: Sequence[int],
        tokens: Sequence[Sequence[int]],
        adapters: Sequence[str | None],
    ) -> Tensor:
        width = max(len(each) for each in tokens)
        # Texts are written in the first rows; other passes, as in tests, need not be fast.
        if self._steps is not None and first == 0 and self._steps.hold(len(tokens), width):
            return self._steps.logits(starts, tokens, self._numbers(adapters or [None] * len(tokens)))
        logits: Tensor = self._pass(self._model, first, starts, tokens, adapters).logits
        return logits.float()

    def _numbers(self, adapters: Sequence[str | None]) -> list[int]:
        """Return the numbers of adapters; what was recorded with others than there are now is thrown away."""
        if self._rack is None:
            return [0] * len(adapters)
        if self._rack.version != self._recorded_version and self._steps is not None:
            self._steps.forget()
        self._recorded_version = self._rack.version
        return self._rack.numbers(adapters)

    def _step(self, bucket: Bucket, inputs: Inputs) -> Tensor:
        self._cache.aim(0, inputs.places, bucket.keys)
        if self._rack is not None:
            self._rack.aimed = None
            if bucket.is_adapted:
                self._rack.aim_at(inputs.adapters, bucket.width)
        logits: Tensor = self._forward(self._model, inputs.tokens, inputs.positions, bucket.keys).logits
        return logits

    def _pass(
        self,
        model: Any,
        first: int,
        starts: Sequence[int],
        tokens: Sequence[Sequence[int]],
        adapters: Sequence[str | None],
        kept: Tensor | None = None,
    ) -> Any:
        device = self._model.device
        width = max(len(each) for each in tokens)
        end = max(start + len(each) for start, each in zip(starts, tokens, strict=True))
        self._cache.make_room(end)
        # Shorter pieces stand at the right: their last token is everybody's last token.
        padded = [[0] * (width - len(each)) + list(each) for each in tokens]
        before = [start + len(each) - width for start, each in zip(starts, tokens, strict=True)]
        positions = torch.tensor(before, device=device)[:, None] + torch.arange(width, device=device)
        places = positions
        if any(len(each) < width for each in tokens):
            # What fills up a piece sees the first token, lest it see nothing, and is written where nobody looks.
            filling = torch.tensor([width - len(each) for each in tokens], device=device)[:, None]
            is_filling = torch.arange(width, device=device) < filling
            positions = positions.masked_fill(is_filling, 0)
            places = positions.masked_fill(is_filling, self._cache.spare)
        self._cache.aim(first, places, end)
        if self._rack is not None:
            self._rack.aim(adapters or [None] * len(tokens), width)
        return self._forward(model, torch.tensor(padded, device=device), positions, end, kept)

    def _forward(self, model: Any, tokens: Tensor, positions: Tensor, end: int, kept: Tensor | None = None) -> Any:
        return model(
            input_ids=tokens,
            position_ids=positions,
            attention_mask=self._masks(positions, end),
            past_key_values=self._cache,
            use_cache=True,
            **({} if kept is None else {"logits_to_keep": kept}),
        )

    def _masks(self, positions: Tensor, end: int) -> Tensor | dict[str, Tensor]:
        """Return what is added to the scores of keys, (rows, 1, tokens, keys); by type of layer if there are several.

        It is 0 for what a token sees and minus infinity for the rest.
        """
        key = torch.arange(end, device=positions.device)
        query = positions[:, None, :, None]
        full = torch.zeros(query.shape[0], 1, query.shape[2], end, dtype=self._mask_dtype, device=positions.device)
        full.masked_fill_(key > query, -torch.inf)
        near = full
        if self._window and end > self._window:
            near = full.masked_fill(key <= query - self._window, -torch.inf)
        if "sliding_attention" in self._layer_types:
            return {"full_attention": full, "sliding_attention": near}
        return full if self._layer_types else near
