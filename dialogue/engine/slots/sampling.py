"""Draws the next token of every row of a batch, each with its own parameters, and says how likely it was."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
import torch

from dialogue.turns import Sampling

if TYPE_CHECKING:
    from torch import Tensor

# Maxima are taken along groups of words: longer ones are no faster, and more words would have to be looked at after.
_MOST_WORDS_IN_A_GROUP = 64


class Draws:
    """One token for each row, and how likely each of them was: on the device, and on the way home.

    Args:
        tokens: (rows,), -1 where a row's logits are not numbers.
        likelihoods: (rows,).
    """

    def __init__(self, tokens: Tensor, likelihoods: Tensor) -> None:
        self.tokens = tokens
        # One copy for both; a double holds any token.
        self._home, self._arrival = _sent_home(torch.stack([tokens.double(), likelihoods.double()]))

    def known(self) -> tuple[list[int], list[float]]:
        """Wait for the tokens and likelihoods, but for nothing that the device was told to do after them.

        Raises:
            FloatingPointError: the logits of a row are not numbers.
        """
        if self._arrival is not None:
            self._arrival.synchronize()
        chosen, likely = self._home.tolist()
        if min(chosen) < 0:
            raise FloatingPointError("the model's scores are not numbers")
        return [int(token) for token in chosen], likely


def choose(logits: Tensor, samplings: Sequence[Sampling], luck: Sequence[float]) -> Draws:
    """Draw one token for each row.

    The order is top-k, temperature, min-p, top-p. Top-k comes first, so that all else happens to 40 words instead of
    262,144. It may: the temperature keeps the words' order, and min-p compares each word with the likeliest alone, so
    neither cares which others are left. Top-p is last because it is a share of what the others leave.

    A row's token depends on its own logits, parameters and luck alone, not on its neighbours. Of equally likely words
    the first counts as the likelier. Where every word is forbidden, the first is returned.

    How likely a token was is the logarithm of its share of the top-k words at temperature 1, whatever min-p and top-p
    leave of these; nan where every word is forbidden. As with the token, penalties have changed the scores before: to
    look for the top-k words of the unchanged ones as well would take as long again.

    Args:
        logits: (rows, words), float32.
        luck: one number from [0, 1) for each row, which decides its draw.
    """
    words = logits.shape[-1]
    limits = [min(sampling.top_k or words, words) for sampling in samplings]
    knobs = _beside(logits, torch.tensor([_knobs(*row) for row in zip(samplings, limits, luck, strict=True)]))
    width = max((limit for limit in limits if limit < words), default=1)
    tokens, likelihoods = _draw(*likeliest(logits, width), knobs)
    # Rows that consider all words are drawn on their own: to sort so many takes a hundred times as long.
    unlimited = [row for row, limit in enumerate(limits) if limit == words]
    if lively := [row for row in unlimited if samplings[row].temperature > 0]:
        rows = _beside(logits, torch.tensor(lively))
        tokens[rows], likelihoods[rows] = _draw(*likeliest(logits[rows], words), knobs[rows])
    # The greedy ones among them have their token already, and to know its share needs no order. Row by row: several at
    # once take three times as long on a CPU.
    for row in unlimited:
        if samplings[row].temperature <= 0:
            likelihoods[row] = logits[row].amax() - logits[row].logsumexp(-1)
    return Draws(tokens, likelihoods)


def penalise(logits: Tensor, contexts: Sequence[Sequence[int]], samplings: Sequence[Sampling]) -> None:
    """Make words of the context less likely and forbid those that would repeat an n-gram of it, in place.

    A positive score is divided by the repetition penalty, a negative one multiplied; a forbidden one becomes -inf.

    Source: Keskar et al., "CTRL", section 4.1, and Paulus et al., "A Deep Reinforced Model for Abstractive
    Summarization", section 2.5, as transformers' RepetitionPenaltyLogitsProcessor and NoRepeatNGramLogitsProcessor.

    Args:
        logits: (rows, words).
        contexts: the tokens of each row, prompt and new text.
    """
    rows = list(zip(contexts, samplings, strict=True))
    said = [set(context) if sampling.repetition_penalty != 1.0 else () for context, sampling in rows]
    if any(said):
        row, word = _places(logits, said)
        penalty = _beside(logits, torch.tensor([float(sampling.repetition_penalty) for sampling in samplings]))[row]
        scores = logits[row, word]
        logits[row, word] = torch.where(scores < 0, scores * penalty, scores / penalty)
    forbidden = [_repeating(context, sampling.no_repeat_ngram) for context, sampling in rows]
    if any(forbidden):
        logits[_places(logits, forbidden)] = -torch.inf


def likeliest(logits: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Return the greatest logits of each row, the greatest first, and the words they belong to, each (rows, count).

    For 40 of 262,144 words in 32 rows `torch.topk` takes 5 ms on two CPU cores, this 1.5 ms: it takes the maxima of
    groups of words and looks only into the `count` groups with the greatest. That is exact: any group before the one of
    a word has a maximum at least as great, hence a word before that word, and before the last of the words that are
    returned there are fewer than `count`.

    Args:
        logits: (rows, words), float32.
        count: at most the number of words.
    """
    rows, words = logits.shape
    # About as many groups as words to look at after; a power of two, as 61 words take three times as long as 64.
    size = min(_MOST_WORDS_IN_A_GROUP, 1 << (math.isqrt(words // count) - 1).bit_length())
    grouped = words - words % size
    numbers = torch.arange(words, device=logits.device)
    maxima = logits[:, :grouped].view(rows, grouped // size, size).amax(-1)
    groups = _order(maxima, numbers[: grouped // size]).topk(count, sorted=False).indices
    in_groups = (groups[..., None] * size + numbers[:size]).flatten(1)
    # The last words do not fill a group, and are looked at in any case.
    candidates = torch.cat([in_groups, numbers[grouped:].expand(rows, -1)], dim=-1)
    scores = logits.gather(-1, candidates)
    best = _order(scores, candidates).topk(count).indices
    return scores.gather(-1, best), candidates.gather(-1, best)


def _order(scores: Tensor, numbers: Tensor) -> Tensor:
    """Return whole numbers in the order of the scores, and of equal scores the one with the smaller number greater.

    `torch.topk` takes equals in an order that depends on how many are asked for, which is up to a row's neighbours; and
    among scores computed in bfloat16 there are many equals.
    """
    # The bits of floats are in order, but for those of negative ones, which run backwards. Adding 0 makes 0 of -0.
    bits = (scores + 0.0).view(torch.int32)
    return ((bits ^ ((bits >> 31) & 0x7FFFFFFF)).long() << 32) - numbers


def _knobs(sampling: Sampling, limit: int, luck: float) -> tuple[float, ...]:
    if sampling.temperature > 0:
        return sampling.temperature, limit, sampling.min_p, sampling.top_p, luck
    # Of no share the likeliest word is left, and the others are there to compare it with.
    return 1.0, limit, 0.0, 0.0, luck


def _draw(scores: Tensor, words: Tensor, knobs: Tensor) -> tuple[Tensor, Tensor]:
    """Return one of each row's words, which stand in the order of their scores, and how likely it was.

    The word is -1 where the scores are not numbers.
    """
    temperature, limit, min_p, top_p, luck = knobs.T[..., None]
    is_beyond = torch.arange(scores.shape[-1], device=scores.device) >= limit
    # As a share of the likeliest word, not of all: a sum would be rounded otherwise where neighbours need more words.
    behind = scores - scores[:, :1]
    share = (behind / temperature).exp()
    share = share.masked_fill(is_beyond | (share < min_p), 0.0)
    reach = share.cumsum(-1)
    share = share.masked_fill(reach - share >= top_p * reach[:, -1:], 0.0)
    reach = share.cumsum(-1)
    rank = (reach <= luck * reach[:, -1:]).sum(-1, keepdim=True)
    # Rounding can carry the luckiest draw past the last word that is left. The likeliest word is drawn where none is:
    # all are forbidden, or top_p is 0.
    last_left = ((share > 0).sum(-1, keepdim=True) - 1).clamp(min=0)
    rank = rank.minimum(last_left)
    drawn = words.gather(-1, rank).where(~scores[:, :1].isnan(), -1)
    # Not `sum`, which would be rounded otherwise where neighbours need more words.
    of_all = behind.exp().masked_fill(is_beyond, 0.0).cumsum(-1)[:, -1:]
    likelihood = behind.gather(-1, rank) - of_all.log()
    return drawn[:, 0], likelihood[:, 0]


def _repeating(context: Sequence[int], length: int) -> Collection[int]:
    """Return the words that would end an n-gram of this length which the context has already; none for length 0."""
    if length <= 1:
        return set(context) if length else ()
    start = context[len(context) - length + 1 :]
    return {
        context[place + length - 1]
        for place in range(len(context) - length + 1)
        # One number first: to compare slices at every place takes four times as long.
        if context[place] == start[0] and context[place : place + length - 1] == start
    }


def _places(logits: Tensor, words_of_rows: Sequence[Collection[int]]) -> tuple[Tensor, Tensor]:
    """Return the index of the logits of these words."""
    counts = [len(words) for words in words_of_rows]
    # numpy reads some thousand numbers eight times as fast as torch.
    words = torch.from_numpy(np.fromiter(chain.from_iterable(words_of_rows), np.int64, sum(counts)))
    rows = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
    return _beside(logits, rows), _beside(logits, words)


def _sent_home(values: Tensor) -> tuple[Tensor, torch.cuda.Event | None]:
    """Return where the values are going to be on the host, and what happens when they are there."""
    if not values.is_cuda:
        return values, None
    # Only memory that is pinned is written to while Python goes on.
    home = torch.empty(values.shape, dtype=values.dtype, pin_memory=True)
    home.copy_(values, non_blocking=True)
    arrival = torch.cuda.Event()  # type: ignore[no-untyped-call]
    arrival.record()
    return home, arrival


def _beside(logits: Tensor, values: Tensor) -> Tensor:
    """Return the values where the logits are, without waiting until a GPU has computed these."""
    return values.to(logits.device, non_blocking=True)
