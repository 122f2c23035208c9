"""The draw: exact shares, one row's parameters never reach another row."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import (
    MinPLogitsWarper,
    NoRepeatNGramLogitsProcessor,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from dialogue.engine.slots.sampling import choose, likeliest, penalise
from dialogue.turns import Sampling

PLAIN = Sampling(temperature=1.0, top_k=0, top_p=1.0)
SHARES = (0.4, 0.3, 0.2, 0.1)
LOGITS = torch.tensor([[0.3, 0.1, 0.4, 0.2]]).log()  # The likeliest words are 2, 0, 3, 1.
LUCKIEST = 1 - 2**-53  # The greatest number below 1; as a float32 it is 1.

# Few values, so that many are equal, or any.
scores = st.sampled_from([-torch.inf, -2.5, -0.0, 0.0, 1e-42, 3.0]) | st.floats(width=32, allow_nan=False)
all_samplings = st.builds(
    Sampling,
    temperature=st.sampled_from([0.0, 0.5, 0.7, 1.3]),
    top_k=st.sampled_from([0, 1, 5, 40, 1000]),
    top_p=st.sampled_from([0.0, 0.5, 0.9, 1.0]),
    min_p=st.sampled_from([0.0, 0.05, 0.3, 1.0]),
    repetition_penalty=st.sampled_from([1.0, 1.3]),
    no_repeat_ngram=st.integers(0, 4),
)


def chosen(logits: torch.Tensor, samplings: Sequence[Sampling], luck: Sequence[float]) -> tuple[list[int], list[float]]:
    return choose(logits, samplings, luck).known()


def shares(sampling: Sampling) -> dict[int, float]:
    """Return how often each word is drawn when every luck comes once."""
    rows = 1000
    words, _ = chosen(LOGITS.repeat(rows, 1), [sampling] * rows, [row / rows for row in range(rows)])
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
    [word], _ = chosen(LOGITS, [sampling], [LUCKIEST])
    assert word in shares(sampling)


def test_min_p_leaves_words_that_reach_a_share_of_the_likeliest() -> None:
    # 0.2 is half of 0.4.
    assert shares(replace(PLAIN, min_p=0.49)) == pytest.approx({2: 4 / 9, 0: 3 / 9, 3: 2 / 9}, abs=0.002)


def test_min_p_of_one_leaves_the_likeliest_word() -> None:
    assert shares(replace(PLAIN, min_p=1.0)) == {2: 1.0}


def test_top_p_counts_what_min_p_has_left() -> None:
    # Of 0.4 and 0.3 the first makes 0.571, which is 0.55 already.
    assert shares(replace(PLAIN, min_p=0.6, top_p=0.55)) == {2: 1.0}


@given(
    seed=st.integers(0, 2**31),
    temperature=st.floats(0.1, 2.0),
    top_k=st.integers(1, 20),
    min_p=st.floats(0.0, 1.0),
    top_p=st.floats(0.01, 1.0),
)
def test_words_are_drawn_from_what_transformers_leaves(
    seed: int, temperature: float, top_k: int, min_p: float, top_p: float
) -> None:
    left = logits = torch.randn(1, 20, generator=torch.Generator().manual_seed(seed))
    for warp in (
        TemperatureLogitsWarper(temperature),
        TopKLogitsWarper(top_k),
        MinPLogitsWarper(min_p),
        TopPLogitsWarper(top_p),
    ):
        left = warp(None, left)
    sampling = Sampling(temperature=temperature, top_k=top_k, min_p=min_p, top_p=top_p)
    rows = 500
    drawn, _ = chosen(logits.repeat(rows, 1), [sampling] * rows, [row / rows for row in range(rows)])
    found = torch.tensor(drawn).bincount(minlength=20) / rows
    assert found.tolist() == pytest.approx(left.softmax(-1)[0].tolist(), abs=0.003)


@given(seed=st.integers(0, 2**31), sampling=all_samplings, luck=st.floats(0, LUCKIEST))
def test_a_word_is_as_likely_as_its_share_of_the_top_k_at_temperature_one(
    seed: int, sampling: Sampling, luck: float
) -> None:
    logits = 3 * torch.randn(1, 400, generator=torch.Generator().manual_seed(seed))
    [word], [likelihood] = chosen(logits, [sampling], [luck])
    among = TopKLogitsWarper(sampling.top_k)(None, logits) if sampling.top_k else logits
    assert likelihood == pytest.approx(among.log_softmax(-1)[0, word].item(), abs=1e-5)


@given(seed=st.integers(0, 2**31), samplings=st.lists(all_samplings, min_size=2, max_size=6), words=st.integers(1, 400))
def test_a_row_is_drawn_the_same_alone_and_among_others(seed: int, samplings: list[Sampling], words: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    rows = range(len(samplings))
    # As coarse as a model in bfloat16 makes them: many are equal.
    logits = torch.randn(len(rows), words, generator=generator).bfloat16().float()
    luck = torch.rand(len(rows), generator=generator).tolist()
    contexts = torch.randint(words, (len(rows), 30), generator=generator).tolist()
    alone = logits.clone()
    penalise(logits, contexts, samplings)
    among_others = chosen(logits, samplings, luck)
    for row in rows:
        penalise(alone[row : row + 1], contexts[row : row + 1], samplings[row : row + 1])
    assert torch.equal(alone, logits)
    for row, drawn in enumerate(zip(*among_others, strict=True)):
        [token], [likelihood] = chosen(alone[row : row + 1], samplings[row : row + 1], luck[row : row + 1])
        # As text, in which nan is nan.
        assert str((token, likelihood)) == str(drawn)


@given(row=st.lists(scores, min_size=1, max_size=60))
def test_greedy_takes_the_first_of_the_likeliest_words(row: list[float]) -> None:
    logits = torch.tensor([row])
    assert chosen(logits, [Sampling(temperature=0)], [0.5])[0] == logits.argmax(-1).tolist()


@given(rows=st.integers(1, 3), words=st.integers(1, 60), data=st.data())
def test_the_likeliest_words_are_those_of_topk_and_of_equals_the_first(
    rows: int, words: int, data: st.DataObject
) -> None:
    row = st.lists(scores, min_size=words, max_size=words)
    logits = torch.tensor(data.draw(st.lists(row, min_size=rows, max_size=rows)))
    count = data.draw(st.integers(1, words))
    best, places = likeliest(logits, count)
    assert torch.equal(best, logits.topk(count).values)
    assert torch.equal(places, logits.sort(stable=True, descending=True).indices[:, :count])


@pytest.mark.parametrize("count", [1, 40, 1000])
@pytest.mark.parametrize("words", [50_257, 262_144])
def test_the_likeliest_words_of_a_large_vocabulary_are_those_of_topk(words: int, count: int) -> None:
    torch.manual_seed(1)
    logits = torch.randn(2, words)
    best, places = likeliest(logits, count)
    expected = logits.topk(count)
    assert torch.equal(best, expected.values)
    # Some are equal even among random numbers.
    assert torch.equal(logits.gather(-1, places), expected.values)
    assert all(len(set(row)) == count for row in places.tolist())


@pytest.mark.parametrize("sampling", [PLAIN, Sampling(temperature=0), Sampling()])
def test_scores_that_are_not_numbers_are_an_error(sampling: Sampling) -> None:
    with pytest.raises(FloatingPointError, match="not numbers"):
        chosen(torch.full((1, 300), torch.nan), [sampling], [0.5])


@pytest.mark.parametrize("sampling", [PLAIN, Sampling(temperature=0), Sampling()])
def test_where_every_word_is_forbidden_the_neighbours_are_drawn_all_the_same(sampling: Sampling) -> None:
    logits = torch.cat([LOGITS, torch.full((1, 4), -torch.inf)])
    words, (likelihood, of_nothing) = chosen(logits, [sampling, sampling], [0.1, 0.1])
    assert words == [2, 0]
    assert likelihood == pytest.approx(math.log(0.4))
    assert math.isnan(of_nothing)


@given(said=st.lists(st.integers(0, 49), min_size=1), penalty=st.floats(1.0, 2.0))
def test_repetition_is_penalised_as_transformers_does_it(said: list[int], penalty: float) -> None:
    logits = torch.randn(1, 50, generator=torch.Generator().manual_seed(1))
    expected = RepetitionPenaltyLogitsProcessor(penalty)(torch.tensor([said]), logits.clone())
    penalise(logits, [said], [Sampling(repetition_penalty=penalty)])
    assert torch.equal(logits, expected)


@given(said=st.lists(st.integers(0, 3), min_size=1, max_size=40), length=st.integers(1, 6))
def test_ngrams_are_forbidden_to_repeat_as_transformers_does_it(said: list[int], length: int) -> None:
    logits = torch.zeros(1, 5)
    expected = NoRepeatNGramLogitsProcessor(length)(torch.tensor([said]), logits.clone())
    penalise(logits, [said], [Sampling(no_repeat_ngram=length)])
    assert torch.equal(logits, expected)


def test_each_row_is_penalised_for_its_own_words_alone() -> None:
    logits = torch.ones(4, 5)
    contexts = [[3, 1, 3], [3, 1, 3], [3, 1, 3], [2]]
    samplings = [
        Sampling(),
        Sampling(repetition_penalty=2.0),
        Sampling(no_repeat_ngram=2),
        Sampling(repetition_penalty=1.25, no_repeat_ngram=1),
    ]
    penalise(logits, contexts, samplings)
    assert logits.tolist() == [
        [1, 1, 1, 1, 1],
        [1, 0.5, 1, 0.5, 1],
        [1, -torch.inf, 1, 1, 1],
        [1, 1, -torch.inf, 1, 1],
    ]
