"""The draw: exact shares, one row's parameters never reach another row."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
import torch
from transformers import RepetitionPenaltyLogitsProcessor

from dialogue.engine.sampling import choose, penalise
from dialogue.turns import Sampling

PLAIN = Sampling(temperature=1.0, top_k=0, top_p=1.0)
SHARES = (0.4, 0.3, 0.2, 0.1)
LOGITS = torch.tensor([[0.3, 0.1, 0.4, 0.2]]).log()  # The likeliest words are 2, 0, 3, 1.
LUCKIEST = 1 - 2**-24  # The greatest float32 below 1.


def shares(sampling: Sampling) -> dict[int, float]:
    """Return how often each word is drawn when every luck comes once."""
    rows = 1000
    words = choose(LOGITS.repeat(rows, 1), [sampling] * rows, [row / rows for row in range(rows)])
    return {word: count / rows for word, count in Counter(words).items()}


def test_words_are_drawn_by_their_share() -> None:
    assert shares(PLAIN) == pytest.approx({2: 0.4, 0: 0.3, 3: 0.2, 1: 0.1}, abs=0.002)


def test_top_k_leaves_the_k_likeliest_words_in_proportion() -> None:
    assert shares(replace(PLAIN, top_k=2)) == pytest.approx({2: 4 / 7, 0: 3 / 7}, abs=0.002)


def test_top_p_leaves_the_likeliest_words_that_reach_p_together() -> None:
    assert shares(replace(PLAIN, top_p=0.6)) == pytest.approx({2: 4 / 7, 0: 3 / 7}, abs=0.002)


def test_top_p_of_zero_leaves_the_likeliest_word() -> None:
    assert shares(replace(PLAIN, top_p=0.0)) == {2: 1.0}


def test_top_p_counts_what_top_k_has_left() -> None:
    # Of 0.4 and 0.3 the first makes 0.571, which is 0.55 already.
    assert shares(replace(PLAIN, top_k=2, top_p=0.55)) == {2: 1.0}


def test_temperature_squares_the_shares_at_one_half() -> None:
    squares = [share**2 / sum(other**2 for other in SHARES) for share in SHARES]
    assert shares(replace(PLAIN, temperature=0.5)) == pytest.approx(
        dict(zip((2, 0, 3, 1), squares, strict=True)), abs=0.002
    )


@pytest.mark.parametrize("sampling", [Sampling(temperature=0), replace(PLAIN, top_k=1)])
def test_temperature_zero_and_top_k_one_take_the_likeliest_word(sampling: Sampling) -> None:
    assert shares(sampling) == {2: 1.0}


@pytest.mark.parametrize("sampling", [PLAIN, replace(PLAIN, top_k=3), replace(PLAIN, top_p=0.6)])
def test_the_luckiest_draw_stays_within_what_is_left(sampling: Sampling) -> None:
    [word] = choose(LOGITS, [sampling], [LUCKIEST])
    assert word in shares(sampling)


def test_a_row_is_drawn_the_same_alone_and_among_others() -> None:
    torch.manual_seed(1)
    logits = torch.randn(6, 300)
    samplings = [
        Sampling(temperature=0),
        Sampling(temperature=0.7, top_k=40),
        Sampling(temperature=1.3, top_k=0, top_p=0.8),
        Sampling(temperature=1.0, top_k=5, top_p=1.0),
        PLAIN,
        Sampling(temperature=0.2, top_k=1000),
    ]
    luck = [0.11, 0.93, 0.5, 0.77, 0.31, 0.64]
    alone = [choose(logits[row : row + 1], samplings[row : row + 1], luck[row : row + 1])[0] for row in range(6)]
    assert choose(logits, samplings, luck) == alone


def test_repetition_is_penalised_as_transformers_does_it() -> None:
    torch.manual_seed(1)
    logits = torch.randn(1, 50)
    said = [3, 7, 7, 49, 0]
    expected = RepetitionPenaltyLogitsProcessor(1.3)(torch.tensor([said]), logits.clone())
    penalise(logits[0], said, 1.3)
    assert torch.equal(logits, expected)
