"""What rows begin with is read once for all of them, and what is learned is the same."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

from dialogue.learning.examples import IGNORED, Example
from dialogue.learning.finetuning import Order, Rows, finetune
from dialogue.learning.packs import alone, packs_of, tensors_of
from dialogue.learning.watching import Watch
from tests.dialogue.learning.tiny_training import segments, tiny_base, tiny_learner, tiny_plan

# PEFT uses names that transformers is about to drop.
pytestmark = pytest.mark.filterwarnings("ignore:.*gradient_checkpointing.*:FutureWarning")

SEEDS = (tuple(range(100, 140)), tuple(range(200, 240)), (7,))


def example(seed: int, unlearned: list[int], learned: list[int]) -> Example:
    tokens = (*SEEDS[seed], *unlearned, *learned)
    return Example(tokens, (*[IGNORED] * (len(tokens) - len(learned)), *learned))


tokens = st.lists(st.integers(1, 3), max_size=6)
examples_of_all_kinds = st.lists(
    st.builds(example, st.integers(0, 2), tokens, tokens.filter(bool)), min_size=1, max_size=30
)


@given(examples_of_all_kinds, st.integers(1, 8), st.integers(1, 60))
def test_each_example_is_in_one_pack_and_whole(examples: list[Example], rows: int, room: int) -> None:
    packs = packs_of(examples, rows, room, seed_number=0)

    again = [
        Example((*pack.beginning, *row.tokens), (*[IGNORED] * len(pack.beginning), *row.labels))
        for pack in packs
        for row in pack.endings
    ]
    assert sorted(again, key=repr) == sorted(examples, key=repr)
    for pack in packs:
        assert 1 <= len(pack.endings) <= rows
        longest = max(len(row.tokens) for row in pack.endings)
        assert len(pack.endings) == 1 or longest * len(pack.endings) <= room
        # What the beginning's last token would foretell is not learned, or there is no beginning.
        assert not pack.beginning or all(row.labels[0] == IGNORED for row in pack.endings)


def test_rows_of_one_seed_share_it_and_those_of_another_do_not() -> None:
    examples = [example(seed, [number], [5, 6]) for seed in (0, 1) for number in range(3)]

    packs = packs_of(examples, rows_at_once=8, tokens_at_once=1024, seed_number=0)

    assert sorted(pack.beginning for pack in packs) == [SEEDS[0], SEEDS[1]]


def test_a_row_is_padded_behind_its_end() -> None:
    packs = packs_of([example(0, [1], [2]), example(0, [1, 1], [2, 2])], 8, 1024, seed_number=0)

    made = tensors_of(packs[0], padding=9)

    length = len(SEEDS[0])
    assert made["beginning"].tolist() == [list(SEEDS[0])]
    assert made["input_ids"].tolist() == [[1, 2, 9, 9], [1, 1, 2, 2]]
    assert made["labels"].tolist() == [[IGNORED, 2, IGNORED, IGNORED], [IGNORED, IGNORED, 2, 2]]
    assert made["attention_mask"].tolist() == [[1] * (length + 2) + [0] * 2, [1] * (length + 4)]


def test_an_example_alone_has_nothing_in_front_of_it() -> None:
    (pack,) = alone([example(0, [1], [2])])

    assert pack.beginning == ()
    assert "beginning" not in tensors_of(pack, padding=0)


# Gemma 3 sees only the last tokens in most of its layers: what the rows begin with is longer than that.
@pytest.mark.parametrize("kind", ["llama", "gpt2", "gemma3_text", "qwen3"])
def test_rows_read_together_teach_what_they_teach_one_by_one(kind: str, tmp_path: Path) -> None:
    together, one_by_one = (taught(tmp_path / str(rows_at_once), kind, rows_at_once) for rows_at_once in (4, 1))

    assert together.tokens_read < 0.6 * one_by_one.tokens_read
    assert together.losses == pytest.approx(one_by_one.losses, rel=1e-5)
    for name, weights in one_by_one.adapter.items():
        # Both are rounded to bfloat16.
        torch.testing.assert_close(together.adapter[name], weights, rtol=0.01, atol=1e-5)


@dataclass(frozen=True)
class Taught:
    tokens_read: int
    losses: list[float]
    adapter: dict[str, torch.Tensor]


def taught(folder: Path, kind: str, rows_at_once: int) -> Taught:
    """Train for two steps over the same four rows."""
    rows = [segments(number) for number in range(4)]
    for row in rows:
        row["segments"][0]["text"] = "User1: добрый день, нет интернета\n" * 4 + row["segments"][0]["text"]
    plan = tiny_plan(rows_at_once=rows_at_once, rows_per_step=4, epochs=2.0, max_tokens=512, learning_rate=0.001)
    base = tiny_base(folder / "base", kind)
    learner = tiny_learner(base)
    for module in learner.model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0  # Chance would drop other values of other shapes.
    read: list[int] = []
    embedding = learner.model.get_input_embeddings()
    embedding.register_forward_hook(lambda module, given, made: read.append(given[0].numel()))
    sources = {"data": {"file": "train", "rows": 4, "sha256": "5ha"}}
    order = Order(base, plan, Rows("train", rows), Rows("test", rows[:2]), folder / "out", sources)
    metrics = finetune(order, learner, Watch(lambda moment: None))["metrics"]
    losses = [metrics[name] for name in ("loss_first", "loss_last", "held_out_loss_before", "held_out_loss_after")]
    return Taught(sum(read), losses, load_file(folder / "out" / "adapter_model.safetensors"))
