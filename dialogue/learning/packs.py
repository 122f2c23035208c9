"""Puts examples that begin alike together, so that what they begin with (the seed) is read once for all of them."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from dialogue.learning.examples import IGNORED, Example

_ALIKE = 32
"""Examples with as many tokens in common are put together; it does not pay for fewer."""

_NEIGHBOURS = 8
"""Among the rows of so many packs, those of about the same length are put together."""


@dataclass(frozen=True, slots=True)
class Pack:
    """Examples that are read together: the tokens that all begin with, and how each goes on.

    The first token behind the beginning is never learned, as it would be foretold by the beginning's last one.
    """

    beginning: tuple[int, ...]
    endings: tuple[Example, ...]


def packs_of(examples: Sequence[Example], rows_at_once: int, tokens_at_once: int, seed_number: int) -> list[Pack]:
    """Put each example into one pack; which ones meet is left to chance, but for what they begin with and their length.

    Args:
        rows_at_once: in a pack, at most.
        tokens_at_once: in a pack without its beginning, with padding; a longer row is alone in its pack.
    """
    by_beginning: dict[tuple[int, ...], list[Example]] = defaultdict(list)
    for example in examples:
        by_beginning[example.tokens[: _ALIKE + 1]].append(example)
    chance = random.Random(seed_number)  # noqa: S311 - no secret
    packs: list[Pack] = []
    for alike in by_beginning.values():
        chance.shuffle(alike)
        window = rows_at_once * _NEIGHBOURS
        for start in range(0, len(alike), window):
            neighbours = sorted(alike[start : start + window], key=lambda example: len(example.tokens))
            packs += (_pack(rows) for rows in _fitting(neighbours, rows_at_once, tokens_at_once))
    return packs


def alone(examples: Iterable[Example]) -> list[Pack]:
    """Put each example into a pack of its own, with nothing in front of it."""
    return [Pack((), (example,)) for example in examples]


def _fitting(rows: Sequence[Example], rows_at_once: int, tokens_at_once: int) -> Iterator[list[Example]]:
    """Cut rows of growing length into pieces that are small enough."""
    piece: list[Example] = []
    for row in rows:
        longer = [*piece, row]
        own = len(row.tokens) - _common(longer)
        if piece and (len(longer) > rows_at_once or own * len(longer) > tokens_at_once):
            yield piece
            longer = [row]
        piece = longer
    if piece:
        yield piece


def _pack(rows: Sequence[Example]) -> Pack:
    common = _common(rows) if len(rows) > 1 else 0
    endings = tuple(Example(row.tokens[common:], row.labels[common:]) for row in rows)
    return Pack(rows[0].tokens[:common], endings)


def _common(rows: Sequence[Example]) -> int:
    """Return how many tokens all rows begin with, so that the one behind them is not learned in any; 0 for too few."""
    first, last = min(row.tokens for row in rows), max(row.tokens for row in rows)
    common = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    learned = min(next(i for i, label in enumerate(row.labels) if label != IGNORED) for row in rows)
    common = min(common, learned - 1)
    return common if common >= _ALIKE else 0


def tensors_of(pack: Pack, padding: int) -> dict[str, torch.Tensor]:
    """Return a pack as a model and TRL take it.

    Returns:
        `input_ids` and `labels` (rows, longest ending), `attention_mask` (rows, beginning + longest ending) and, where
        there is a beginning, `beginning` (1, its tokens).
    """
    shape = len(pack.endings), max(len(row.tokens) for row in pack.endings)
    tokens, labels = torch.full(shape, padding), torch.full(shape, IGNORED)
    mask = torch.zeros(shape[0], len(pack.beginning) + shape[1], dtype=torch.long)
    for number, row in enumerate(pack.endings):
        tokens[number, : len(row.tokens)] = torch.tensor(row.tokens)
        labels[number, : len(row.labels)] = torch.tensor(row.labels)
        mask[number, : len(pack.beginning) + len(row.tokens)] = 1
    made: dict[str, Any] = {"input_ids": tokens, "labels": labels, "attention_mask": mask}
    return {**made, "beginning": torch.tensor([pack.beginning])} if pack.beginning else made
