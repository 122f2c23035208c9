"""Draws the next token of every row of a batch, each with its own parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from dialogue.turns import Sampling

if TYPE_CHECKING:
    from torch import Tensor


def choose(logits: Tensor, samplings: Sequence[Sampling], luck: Sequence[float]) -> list[int]:
    """Return one token for each row.

    The top-k comes first: sorting, softmax and sum over 40 words instead of over a vocabulary of 262,144 is what makes
    sampling cheap. The order changes nothing: the temperature keeps the words' order, and top-p is applied last in any
    case. A row's token depends on its own logits, parameters and luck alone, not on its neighbours.

    Args:
        logits: (rows, words), float32.
        luck: one number from [0, 1) for each row, which decides its draw.
    """
    chosen = [0] * len(samplings)
    words = logits.shape[-1]
    greedy = [row for row, sampling in enumerate(samplings) if sampling.temperature <= 0]
    narrow = [row for row, sampling in enumerate(samplings) if sampling.temperature > 0 and sampling.top_k]
    wide = [row for row, sampling in enumerate(samplings) if sampling.temperature > 0 and not sampling.top_k]
    if greedy:
        _scatter(chosen, greedy, logits[greedy].argmax(-1))
    for rows in (narrow, wide):
        if rows:
            few = [samplings[row] for row in rows]
            width = min(max(sampling.top_k or words for sampling in few), words)
            _scatter(chosen, rows, _draw(logits[rows], few, [luck[row] for row in rows], width))
    return chosen


def penalise(row: Tensor, tokens: Sequence[int], penalty: float) -> None:
    """Make the tokens less likely, in place: a positive score is divided by the penalty, a negative one multiplied.

    Source: Keskar et al., "CTRL", section 4.1, in the form of transformers' RepetitionPenaltyLogitsProcessor.
    """
    index = torch.tensor(sorted(set(tokens)), device=row.device)
    scores = row[index]
    row[index] = torch.where(scores < 0, scores * penalty, scores / penalty)


def _draw(logits: Tensor, samplings: Sequence[Sampling], luck: Sequence[float], width: int) -> Tensor:
    def column(values: Sequence[float]) -> Tensor:
        return torch.tensor(values, device=logits.device)[:, None]

    scores, tokens = logits.topk(width)
    scores = scores / column([sampling.temperature for sampling in samplings])
    rank = torch.arange(width, device=logits.device)
    scores = scores.masked_fill(rank >= column([sampling.top_k or width for sampling in samplings]), -torch.inf)
    share = scores.softmax(-1)
    before = share.cumsum(-1) - share
    # The likeliest word always stays, even where top_p is 0.
    share = share.masked_fill((before >= column([sampling.top_p for sampling in samplings])) & (rank > 0), 0.0)
    reach = share.cumsum(-1)
    rank_drawn = (reach <= column(luck) * reach[:, -1:]).sum(-1, keepdim=True)
    # Rounding can carry the luckiest draw past the last word that is left.
    last_left = (share > 0).sum(-1, keepdim=True) - 1
    return tokens.gather(-1, rank_drawn.minimum(last_left))[:, 0]


def _scatter(chosen: list[int], rows: Sequence[int], tokens: Tensor) -> None:
    for row, token in zip(rows, tokens.tolist(), strict=True):
        chosen[row] = token
