"""Decoding steps of fixed shapes on tensors that stay where they are, each recorded the first time it is wanted."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from dialogue.engine.slots.buckets import Bucket, Buckets
from dialogue.engine.slots.recorders import Recorder

logger = logging.getLogger(__name__)

# Where few rows are written, tokens may be guessed: 8 tokens in all, with rows and width rounded up 32 at most.
_TOKENS_OF_FEW_ROWS = 32


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a step reads, (rows, width) each unless said otherwise.

    Args:
        tokens: the words.
        positions: where each of them stands in its text.
        places: where its keys are written in its row.
        adapters: (rows,), the number of each row's adapter, 0 for none.
    """

    tokens: Tensor
    positions: Tensor
    places: Tensor
    adapters: Tensor


@dataclass(frozen=True, slots=True)
class Pending:
    """Tokens that a device has drawn, and that Python does not know yet.

    Args:
        tokens: (draws,); negative where something went wrong, which Python is going to see.
        places: for each row whose token is among them, which one it is.
    """

    tokens: Tensor
    places: Mapping[int, int]


Step = Callable[[Bucket, Inputs], Tensor]
"""Reads tokens and returns the logits behind each of them, (rows, width, words)."""


class ReplayedSteps:
    """Does steps that are rounded up to a few shapes.

    What only fills a step up is written to the spare place of its row, whoever the row belongs to, and sees the first
    key alone.

    Args:
        step: is called anew for each shape, and again when a recording cannot be made.
        slots: rows of the cache.
        row_tokens: tokens that a row holds at most.
        spare: the place in each row that no text uses.
    """

    def __init__(
        self, step: Step, recorder: Recorder, slots: int, row_tokens: int, spare: int, device: torch.device
    ) -> None:
        self._step = step
        self._recorder = recorder
        self._buckets = Buckets(slots, row_tokens)
        self._spare = spare
        self._most_tokens = max(slots, _TOKENS_OF_FEW_ROWS)
        # One after the other without gaps, whatever the shape, so that one copy brings them all.
        self._inputs = torch.zeros(4 * self._most_tokens, dtype=torch.int64, device=device)
        self._outputs: Tensor | None = None  # (tokens, words), as soon as it is known how many words there are.
        self._repeats: dict[Bucket, Callable[[], None]] = {}

    def hold(self, rows: int, width: int) -> bool:
        """Say whether there is room for a step of so many rows and tokens of each."""
        return self._buckets.around(rows, width, 1, False).tokens <= self._most_tokens

    def logits(
        self,
        starts: Sequence[int],
        tokens: Sequence[Sequence[int]],
        adapters: Sequence[int],
        pending: Pending | None = None,
    ) -> Tensor:
        """Read tokens into the first rows and return the logits behind each of them.

        Args:
            starts: for each row, how many tokens are in it already.
            adapters: for each row, the number of its adapter, 0 for none.
            pending: takes the place of the tokens of some rows, where one is read of each.

        Returns:
            (rows, tokens, words), float32, valid until the next step; where a row has fewer tokens than others, its own
            are the last.
        """
        width = max(len(each) for each in tokens)
        end = max(start + len(each) for start, each in zip(starts, tokens, strict=True))
        bucket = self._buckets.around(len(tokens), width, end, any(adapters))
        self._fill(bucket, starts, tokens, adapters)
        if pending is not None:
            self._fill_in(pending)
        self._repeat(bucket)()
        assert self._outputs is not None
        logits = self._outputs[: bucket.tokens].view(bucket.rows, bucket.width, -1)
        return logits[: len(tokens), bucket.width - width :]

    def forget(self) -> None:
        """Throw all recordings away, also the knowledge of what could not be recorded."""
        self._repeats.clear()
        self._recorder.forget()

    def _fill(
        self, bucket: Bucket, starts: Sequence[int], tokens: Sequence[Sequence[int]], adapters: Sequence[int]
    ) -> None:
        words: list[int] = []
        positions: list[int] = []
        places: list[int] = []
        for start, piece in zip(starts, tokens, strict=True):
            # Shorter pieces stand at the right: their last token is everybody's last token.
            filling = bucket.width - len(piece)
            words += [0] * filling + list(piece)
            positions += [0] * filling + list(range(start, start + len(piece)))
            places += [self._spare] * filling + list(range(start, start + len(piece)))
        filling = bucket.tokens - len(words)
        words += [0] * filling
        positions += [0] * filling
        places += [self._spare] * filling
        numbers = [*adapters] + [0] * (bucket.rows - len(adapters))
        # Only memory that is pinned is copied while Python goes on. It is new each time: torch does not give it to
        # anybody else before the copy is done.
        values = torch.tensor([*words, *positions, *places, *numbers], pin_memory=self._inputs.is_cuda)
        self._inputs[: len(values)].copy_(values, non_blocking=True)

    def _fill_in(self, pending: Pending) -> None:
        values = torch.tensor([[*pending.places], [*pending.places.values()]], pin_memory=self._inputs.is_cuda)
        rows, places = values.to(self._inputs.device, non_blocking=True)
        # A word that does not exist would end the use of a GPU for this process.
        self._inputs.index_copy_(0, rows, pending.tokens[places].clamp(min=0))

    def _repeat(self, bucket: Bucket) -> Callable[[], None]:
        if bucket not in self._repeats:
            self._repeats[bucket] = self._recorded(bucket)
        return self._repeats[bucket]

    def _recorded(self, bucket: Bucket) -> Callable[[], None]:
        inputs = self._views(bucket)
        if self._outputs is None:
            # Not while something is recorded, as these stay: the outputs, and whatever the model makes at its first
            # pass, such as the cache.
            logits = self._step(bucket, inputs)
            self._outputs = logits.new_empty(self._most_tokens, logits.shape[-1], dtype=torch.float32)
        outputs = self._outputs[: bucket.tokens]

        def step() -> None:
            outputs.copy_(self._step(bucket, inputs).flatten(0, 1))

        try:
            return self._recorder.record(step)
        except RuntimeError as error:
            logger.warning("steps of %s are done without being recorded: %s", bucket, _reason(error))
            return step

    def _views(self, bucket: Bucket) -> Inputs:
        tokens, positions, places = self._inputs[: 3 * bucket.tokens].view(3, bucket.rows, bucket.width)
        return Inputs(tokens, positions, places, self._inputs[3 * bucket.tokens :][: bucket.rows])


def _reason(error: BaseException) -> str:
    """Return what happened first; that a recording cannot be ended properly is only what follows from it."""
    while error.__context__ is not None:
        error = error.__context__
    return str(error).partition("\n")[0]
