"""What was preferred becomes likelier than what was not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dialogue.engine.vocabulary import Vocabulary
from dialogue.errors import TrainingError
from dialogue.learning.finetuning import Order, Rows, finetune
from dialogue.learning.plan import Method
from dialogue.learning.preferences import preferences_of
from dialogue.learning.watching import Watch
from tests.dialogue.engine.tiny import END, tiny_tokenizer
from tests.dialogue.learning.tiny_training import DEVICES, tiny_base, tiny_learner, tiny_plan

pytestmark = pytest.mark.filterwarnings("ignore:.*gradient_checkpointing.*:FutureWarning")


def pair(number: int) -> dict[str, Any]:
    return {"prompt": f"User1: {number}\nUser2:", "chosen": " Hello!", "rejected": " не работает"}


def thumb(number: int) -> dict[str, Any]:
    is_good = number % 3 > 0
    words = " Hello!" if is_good else " не работает"
    return {"prompt": f"User1: {number}\nUser2:", "completion": words, "label": is_good}


@pytest.mark.parametrize(("method", "row"), [(Method.DPO, pair), (Method.KTO, thumb)])
@pytest.mark.parametrize("is_full", [False, True])
@pytest.mark.parametrize("device", DEVICES)
def test_the_loss_on_held_out_preferences_falls(
    method: Method, row: Any, is_full: bool, device: str, tmp_path: Path
) -> None:
    data = Rows("train.jsonl", [row(number) for number in range(8)])
    held_out = Rows("test.jsonl", [row(number) for number in range(50, 54)])
    rate = 0.001 if is_full else 0.01
    plan = tiny_plan(method=method, is_full=is_full, rows_at_once=2, learning_rate=rate, evaluations_per_epoch=1)
    sources = {"data": {"file": data.name, "rows": 8, "sha256": "0"}}
    base = tiny_base(tmp_path / "base")

    order = Order(base, plan, data, held_out, tmp_path / "out", sources)
    metrics = finetune(order, tiny_learner(base, is_full, device), Watch(lambda moment: None))["metrics"]

    assert metrics["held_out_loss_after"] < metrics["held_out_loss_before"]


def test_replies_are_read_behind_the_tokens_that_the_engine_serves_with_the_end_of_text() -> None:
    vocabulary = Vocabulary(tiny_tokenizer(opening=True), frozenset({END}))

    (row,), _ = preferences_of([pair(1)], Method.DPO, vocabulary, 100, "x")

    assert row["prompt_ids"] == vocabulary.encode_prompt("User1: 1\nUser2:")
    assert row["chosen_ids"] == [*vocabulary.encode(" Hello!"), END]
    assert row["rejected_ids"] == [*vocabulary.encode(" не работает"), END]


def test_rows_of_another_format_are_refused() -> None:
    vocabulary = Vocabulary(tiny_tokenizer())

    with pytest.raises(TrainingError, match="x, row 1: it has completion, label, prompt; dpo takes"):
        preferences_of([thumb(1)], Method.DPO, vocabulary, 100, "x")
    with pytest.raises(TrainingError, match="all 1 rows are longer than 5 tokens"):
        preferences_of([pair(1)], Method.DPO, vocabulary, 5, "x")
