"""Intervals are as wide as they should be, nothing is exactly nothing, and the verdict follows."""

from __future__ import annotations

import random

import pytest

from dialogue.learning.comparison import Interval, paired_difference, ratio_difference, share, verdict

BETTER = Interval(0.2, 0.1, 0.3)
NO_FAULTS = {"leak": (0, 0), "empty": (0, 0)}


def test_the_same_values_differ_by_exactly_nothing() -> None:
    values = [0.1 * number for number in range(17)]

    assert paired_difference(values, values, random_seed=3) == Interval(0.0, 0.0, 0.0)


def test_a_steady_difference_has_an_interval_above_zero_though_dialogues_differ_much_more() -> None:
    chance = random.Random(1)
    a = [chance.uniform(1, 9) for _ in range(40)]
    b = [each - chance.uniform(0.05, 0.15) for each in a]

    found = paired_difference(a, b, random_seed=1)

    assert 0.05 < found.low < found.value < found.high < 0.15


def test_an_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    chance = random.Random(2)
    held = 0
    for seed in range(60):
        a = [chance.gauss(0.5, 1) for _ in range(50)]
        found = paired_difference(a, [0.0] * 50, random_seed=seed)
        held += found.low <= 0.5 <= found.high

    assert 52 <= held <= 60


def test_the_same_random_seed_gives_the_same_interval() -> None:
    chance = random.Random(3)
    a, b = ([chance.random() for _ in range(30)] for _ in range(2))

    assert paired_difference(a, b, 5) == paired_difference(a, b, 5)
    assert paired_difference(a, b, 5) != paired_difference(a, b, 6)


def test_shares_are_of_all_replies_not_of_dialogues() -> None:
    found = ratio_difference([1, 0], [0, 0], [1, 9], [1, 9], random_seed=1)

    assert found.value == pytest.approx(0.1)
    assert (found.low, found.high) == (0.0, 1.0)


def test_what_is_not_paired_is_refused() -> None:
    with pytest.raises(ValueError, match="as many pairs"):
        paired_difference([1.0], [1.0, 2.0], 1)
    with pytest.raises(ValueError, match="as many pairs"):
        paired_difference([], [], 1)


def test_the_interval_of_a_share_is_wilsons() -> None:
    # Newcombe, "Two-sided confidence intervals for the single proportion", 1998, table I: 81 of 263, and 0 of 20.
    found, none = share(81, 263), share(0, 20)

    assert [found.low, found.high] == pytest.approx([0.2553, 0.3662], abs=1e-4)
    assert [none.low, none.high] == pytest.approx([0.0, 0.1611], abs=1e-4)


def test_the_better_side_passes() -> None:
    assert verdict(BETTER, dialogues=20, faults=NO_FAULTS, drawn=50).passes


@pytest.mark.parametrize(
    ("improvement", "dialogues", "faults", "drawn", "reason"),
    [
        (Interval(0.2, -0.1, 0.3), 20, NO_FAULTS, 50, "is not above 0"),
        (Interval(0.0, 0.0, 0.0), 20, NO_FAULTS, 50, "is not above 0"),
        (Interval(-0.2, -0.3, -0.1), 20, NO_FAULTS, 50, "clearly less likely"),
        (BETTER, 4, NO_FAULTS, 50, "too few"),
        (
            BETTER,
            20,
            {**NO_FAULTS, "leak": (1, 2)},
            50,
            "leaks a speaker's tag more often than A: 2 of 50 replies, and 1",
        ),
        (BETTER, 20, {**NO_FAULTS, "empty": (0, 1)}, 50, "nothing to say"),
        (BETTER, 20, {}, 0, "no replies were drawn"),
    ],
)
def test_it_does_not_pass_for_a_reason(
    improvement: Interval, dialogues: int, faults: dict[str, tuple[int, int]], drawn: int, reason: str
) -> None:
    found = verdict(improvement, dialogues, faults, drawn)

    assert not found.passes
    assert len(found.reasons) == 1
    assert reason in found.reasons[0]
