from __future__ import annotations

import csv
import signal
from itertools import takewhile
from pathlib import Path

import pytest

from dialogue.learning.finetuning import Order, Rows, finetune
from dialogue.learning.watching import Moment, Watch
from tests.dialogue.learning.tiny_training import segments, tiny_base, tiny_learner, tiny_plan


def test_ctrl_c_is_answered_before_its_step_has_ended() -> None:
    shown: list[Moment] = []

    with Watch(shown.append).interruptible():
        signal.raise_signal(signal.SIGINT)

        assert [moment.is_ending for moment in shown] == [True]


def test_the_reading_of_the_held_out_rows_is_shown_before_the_first_step_and_ends(tmp_path: Path) -> None:
    shown: list[Moment] = []
    base = tiny_base(tmp_path / "base")
    data = Rows("train.jsonl", [segments(number) for number in range(4)])
    held_out = Rows("test.jsonl", [segments(number) for number in range(50, 54)])
    sources = {"data": {"file": data.name, "rows": 4, "sha256": "5ha"}}

    order = Order(base, tiny_plan(epochs=1.0), data, held_out, tmp_path / "out", sources)
    finetune(order, tiny_learner(base), Watch(shown.append))

    first = list(takewhile(lambda moment: moment.checked is not None, shown))
    shares = [moment.checked or 0.0 for moment in first]
    assert {moment.step for moment in first} == {0}
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1.0)
    assert (shown[len(first)].step, shown[len(first)].held_out) == (0, first[-1].held_out)
    assert any(moment.checked is None and moment.loss is not None for moment in shown)


def test_each_step_is_shown_with_its_own_loss(tmp_path: Path) -> None:
    shown: list[Moment] = []
    base = tiny_base(tmp_path / "base")
    data = Rows("train.jsonl", [segments(number) for number in range(12)])
    sources = {"data": {"file": data.name, "rows": 12, "sha256": "5ha"}}

    order = Order(base, tiny_plan(epochs=1.0), data, None, tmp_path / "out", sources)
    finetune(order, tiny_learner(base), Watch(shown.append))

    with (tmp_path / "out" / "losses.csv").open() as file:
        losses = {int(row["step"]): float(row["loss"]) for row in csv.DictReader(file)}
    assert len(set(losses.values())) > 2
    assert {(moment.step, moment.loss) for moment in shown if moment.loss is not None} == set(losses.items())
