"""A training teaches: the loss falls on rows that were not learned, and the engine writes what PEFT writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

from dialogue.engine.models.adapter_file import read_adapter
from dialogue.engine.models.adapters import install
from dialogue.errors import TrainingError
from dialogue.file_hash import sha256_of
from dialogue.learning.finetuning import Order, Rows, finetune, unfinished
from dialogue.learning.plan import Plan
from dialogue.learning.watching import Moment, Watch
from tests.dialogue.learning.tiny_training import DEVICES, segments, tiny_base, tiny_learner, tiny_plan

# PEFT uses names that transformers is about to drop.
pytestmark = pytest.mark.filterwarnings("ignore:.*gradient_checkpointing.*:FutureWarning")

PROMPT = "A dialogue.\nUser1: интернет 99\nUser2:"


def order(folder: Path, plan: Plan | None = None, kind: str = "llama", out: str = "out") -> Order:
    base = tiny_base(folder / "base", kind)
    data = Rows("train.jsonl", [segments(number) for number in range(12)])
    held_out = Rows("test.jsonl", [segments(number) for number in range(50, 54)])
    sources = {"data": {"file": data.name, "rows": 12, "sha256": "5ha"}, "seeds": {"a": {"version": "1"}}}
    return Order(base, plan or tiny_plan(), data, held_out, folder / out, sources)


def trained(wanted: Order, watch: Watch | None = None, device: str = "cpu") -> dict[str, Any]:
    learner = tiny_learner(wanted.base, wanted.plan.is_full, device)
    return finetune(wanted, learner, watch or Watch(lambda moment: None))


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("kind", ["llama", "gpt2"])
def test_an_adapter_lowers_the_loss_on_held_out_rows_and_the_engine_writes_what_peft_writes(
    kind: str, device: str, tmp_path: Path
) -> None:
    wanted = order(tmp_path, kind=kind)

    facts = trained(wanted, device=device)

    metrics = facts["metrics"]
    assert metrics["held_out_loss_after"] < 0.7 * metrics["held_out_loss_before"]
    learner = tiny_learner(wanted.base)
    tokens = torch.tensor([learner.vocabulary.encode_prompt(PROMPT)])
    by_peft = greedy(PeftModel.from_pretrained(exact(wanted), wanted.out), tokens)
    ours = exact(wanted)
    rack = install(ours)
    rack.add("a", read_adapter(wanted.out))
    rack.aim(["a"], tokens=tokens.shape[1])
    assert greedy(ours, tokens) == by_peft
    assert by_peft != greedy(exact(wanted), tokens)


def exact(wanted: Order) -> Any:
    return AutoModelForCausalLM.from_pretrained(wanted.base.folder, dtype=torch.float32).eval()


def greedy(model: Any, tokens: torch.Tensor, many: int = 12) -> list[int]:
    with torch.inference_mode():
        for _ in range(many):
            best = model(input_ids=tokens, use_cache=False).logits[:, -1].argmax(-1, keepdim=True)
            tokens = torch.cat([tokens, best], dim=1)
    return tokens[0, -many:].tolist()


def test_the_folder_has_a_card_and_the_hash_of_every_file_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    wanted = order(tmp_path)

    trained(wanted)

    facts = json.loads((wanted.out / "lineage.json").read_text())
    files = {path.name: sha256_of(path) for path in wanted.out.iterdir() if path.name != "lineage.json"}
    assert facts["files"] == files
    assert {"adapter_model.safetensors", "README.md", "losses.csv", "loss.svg"} <= set(files)
    assert facts["base_model"] == {"name": "tiny", "revision": wanted.base.revision}
    assert facts["data"]["sha256"] == "5ha"
    assert not any(str(tmp_path) in path.read_text() for path in wanted.out.iterdir() if path.suffix != ".safetensors")
    assert not unfinished(wanted.out).exists()


def test_all_weights_are_trained_and_the_result_is_a_model_that_loads(tmp_path: Path) -> None:
    wanted = order(tmp_path, tiny_plan(is_full=True, learning_rate=0.003))

    facts = trained(wanted)

    assert facts["metrics"]["held_out_loss_after"] < facts["metrics"]["held_out_loss_before"]
    assert tiny_learner(tiny_base_of(wanted.out)).parameters == tiny_learner(wanted.base).parameters


def tiny_base_of(folder: Path) -> Any:
    from dialogue.learning.base_model import find

    return find(str(folder), folder, lambda stage, share: None)


def test_an_interrupted_training_goes_on_and_ends_as_if_it_had_not_been(tmp_path: Path) -> None:
    whole, halved = order(tmp_path), order(tmp_path, out="halved")
    trained(whole)
    shown: list[Moment] = []

    def interrupt(moment: Moment) -> None:
        shown.append(moment)
        watch.is_interrupted = moment.step >= 5

    watch = Watch(interrupt)
    with pytest.raises(TrainingError, match="the same command goes on"):
        trained(halved, watch)
    assert not halved.out.exists()
    trained(halved)

    assert shown[-1].step in (5, 6)
    first, second = (json.loads((each.out / "lineage.json").read_text())["metrics"] for each in (whole, halved))
    assert second["steps"] == first["steps"]
    assert second["held_out_loss_before"] == first["held_out_loss_before"]
    assert second["held_out_loss_after"] == pytest.approx(first["held_out_loss_after"], rel=1e-6)
    assert sha256_of(whole.out / "adapter_model.safetensors") == sha256_of(halved.out / "adapter_model.safetensors")


def test_another_training_does_not_go_on_with_what_lies_there(tmp_path: Path) -> None:
    wanted = order(tmp_path)
    watch = Watch(lambda moment: None)
    watch.is_interrupted = True
    with pytest.raises(TrainingError):
        trained(wanted, watch)

    with pytest.raises(TrainingError, match="another training"):
        trained(order(tmp_path, tiny_plan(rank=2)))


def test_the_same_training_is_not_done_twice_at_the_same_time(tmp_path: Path) -> None:
    wanted = order(tmp_path)

    def train_as_well(moment: Moment) -> None:
        watch.is_interrupted = True
        with pytest.raises(TrainingError, match="is at work in"):
            trained(wanted)

    watch = Watch(train_as_well)
    with pytest.raises(TrainingError, match="the same command goes on"):
        trained(wanted, watch)

    trained(wanted)
    assert wanted.out.is_dir()


def test_training_ends_when_held_out_rows_get_no_better(tmp_path: Path) -> None:
    wanted = order(tmp_path, tiny_plan(epochs=8.0, patience=1, learning_rate=0.2))

    facts = trained(wanted)

    assert facts["metrics"]["epochs"] < 8


def test_training_ends_by_the_clock_with_a_whole_result(tmp_path: Path) -> None:
    wanted = order(tmp_path)

    facts = trained(wanted, Watch(lambda moment: None, max_s=0.0))

    assert facts["metrics"]["steps"] == 1
    assert facts["metrics"]["is_ended_by_time"]
