"""What is drawn is where it belongs."""

from __future__ import annotations

import pytest

from bot.evaluation.plots import HEIGHT, WIDTH, dialogue_bars, scale_for, whisker
from bot.evaluation.tables import signed
from dialogue.learning.comparison import Interval


def test_a_scale_shows_zero_and_the_whole_interval() -> None:
    interval = Interval(0.2, 0.1, 0.3)
    scale = scale_for([interval])

    drawn = whisker(interval, scale)

    assert 0 < scale.at(0.0) < drawn.low < drawn.value < drawn.high < WIDTH
    assert "0" in [tick.label for tick in scale.ticks()]
    assert all(0 <= tick.at <= WIDTH for tick in scale.ticks())


def test_better_dialogues_stand_above_zero_and_come_first() -> None:
    drawn = dialogue_bars(((1.0, 1.5), (2.0, 1.0), (1.0, 1.0)))

    assert [bar.is_better for bar in drawn.bars] == [True, False, False]
    assert [bar.label for bar in drawn.bars] == ["+1.0000", "+0.0000", "−0.5000"]
    better, _, worse = drawn.bars
    assert better.y + better.height == pytest.approx(drawn.zero, abs=0.02)
    assert worse.y == pytest.approx(drawn.zero, abs=0.02)
    assert better.height == pytest.approx(2 * worse.height, rel=0.01)
    assert all(bar.y >= 0 and bar.y + bar.height <= HEIGHT for bar in drawn.bars)


@pytest.mark.parametrize("figures", [((0.5, 0.5),), ((0.5, 0.5),) * 3, ((1e-7, 0.0),)])
def test_nothing_at_all_can_be_drawn(figures: tuple[tuple[float, float], ...]) -> None:
    drawn = dialogue_bars(figures)

    assert len(drawn.bars) == len(figures)
    assert drawn.ticks


def test_a_difference_has_a_sign_and_nothing_has_none() -> None:
    assert signed(Interval(0.25, -0.5, 1.0), 2) == "+0.25 [−0.50, +1.00]"
    assert signed(Interval(-0.0, 0.0, 0.0), 1) == "0.0 [0.0, 0.0]"
