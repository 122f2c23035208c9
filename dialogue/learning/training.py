"""Trains a model with TRL and PEFT: an adapter, or all of its weights; goes on where an interruption has stopped it."""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import datasets
import torch
from peft import LoraConfig
from transformers import EarlyStoppingCallback
from transformers.trainer_callback import PrinterCallback
from transformers.trainer_utils import get_last_checkpoint
from trl import SFTConfig, SFTTrainer

from dialogue.errors import TrainingError
from dialogue.learning.base_model import Learner
from dialogue.learning.examples import Example, Examples
from dialogue.learning.plan import Plan
from dialogue.learning.watching import Watch


@dataclass(frozen=True, slots=True)
class Trained:
    """A model that has learned.

    Args:
        model: as TRL and PEFT have it.
        history: what was logged, in order, as transformers writes it.
        metrics: figures of the whole training.
    """

    model: Any
    history: Sequence[dict[str, Any]]
    metrics: dict[str, Any]


def train_replies(
    learner: Learner, plan: Plan, examples: Examples, held_out: Examples | None, work: Path, watch: Watch
) -> Trained:
    """Train on replies. Scores over the vocabulary are computed where a token is learned, and nowhere else.

    Args:
        work: where checkpoints lie; the newest one there is gone on from.

    Raises:
        TrainingError: it was interrupted, or its loss is not finite.
    """
    trainer = _ReplyTrainer(
        model=learner.model,
        args=SFTConfig(
            **arguments(learner, plan, len(examples.examples), held_out is not None, work),
            max_length=None,  # Cut already, and never within a reply.
        ),
        train_dataset=_dataset(examples.examples),
        eval_dataset=_dataset(held_out.examples) if held_out else None,
        processing_class=learner.tokenizer,
        peft_config=None if plan.is_full else adapter_config(plan),
        callbacks=callbacks(plan, watch, held_out is not None),
    )
    return run(trainer, plan, work, watch, tokens=examples.tokens, is_held_out=held_out is not None)


class _ReplyTrainer(SFTTrainer):  # type: ignore[misc]
    def create_model_card(self, *_: Any, **__: Any) -> None:
        """Write none: `lineage` writes one that says more."""


def arguments(learner: Learner, plan: Plan, rows: int, is_held_out: bool, work: Path) -> dict[str, Any]:
    """Return what all trainers of TRL are told."""
    at_once = min(plan.rows_at_once, rows)
    steps_per_epoch = max(1, math.ceil(rows / plan.rows_per_step))
    between = max(1, math.ceil(steps_per_epoch / plan.evaluations_per_epoch))
    is_cpu = learner.device == "cpu"
    return {
        "output_dir": str(work),
        "num_train_epochs": plan.epochs,
        "per_device_train_batch_size": at_once,
        "per_device_eval_batch_size": at_once,
        "gradient_accumulation_steps": max(1, plan.rows_per_step // at_once),
        "learning_rate": plan.learning_rate,
        "lr_scheduler_type": "cosine",
        "warmup_steps": math.ceil(0.05 * steps_per_epoch * plan.epochs),
        "weight_decay": 0.0,
        "max_grad_norm": 1.0,
        "seed": plan.seed_number,
        "data_seed": plan.seed_number,
        "train_sampling_strategy": "random" if at_once == 1 else "group_by_length",
        "use_cpu": is_cpu,
        "bf16": not is_cpu and plan.is_full and torch.cuda.is_bf16_supported(),
        "activation_checkpointing": not is_cpu and learner.parameters > 3 * 10**9,
        "dataloader_pin_memory": not is_cpu,
        "logging_steps": 1,
        "eval_strategy": "steps" if is_held_out else "no",
        "eval_steps": between if is_held_out else None,
        "save_strategy": "steps",
        "save_steps": between,
        "save_total_limit": 2,
        "load_best_model_at_end": is_held_out,
        "metric_for_best_model": "eval_loss" if is_held_out else None,
        "greater_is_better": False if is_held_out else None,
        "restore_callback_states_from_checkpoint": True,
        "report_to": "none",
        "disable_tqdm": True,
        "log_level": "error",
    }


def adapter_config(plan: Plan) -> LoraConfig:
    """Return a plain LoRA of all projections, as the engine serves it."""
    return LoraConfig(
        r=plan.rank, lora_alpha=2 * plan.rank, lora_dropout=0.0, target_modules="all-linear", task_type="CAUSAL_LM"
    )


def callbacks(plan: Plan, watch: Watch, is_held_out: bool) -> list[Any]:
    """Return who listens: the watch and, where there is something to stop by, the early stopping."""
    return [watch, *([EarlyStoppingCallback(early_stopping_patience=plan.patience)] if is_held_out else [])]


def run(trainer: Any, plan: Plan, work: Path, watch: Watch, tokens: int, is_held_out: bool) -> Trained:
    """Train to the end, from the newest checkpoint on.

    Raises:
        TrainingError: it was interrupted, or its loss is not finite.
    """
    logging.getLogger("trl").setLevel(logging.ERROR)
    trainer.remove_callback(PrinterCallback)
    checkpoint = get_last_checkpoint(str(work)) if work.is_dir() else None
    begun = time.monotonic()
    before = _held_out_before(trainer, work / "before.json") if is_held_out else None
    with watch.interruptible():
        trainer.train(resume_from_checkpoint=checkpoint)
    if watch.is_interrupted:
        raise TrainingError("the training was interrupted; the same command goes on with it")
    history = list(trainer.state.log_history)
    losses = [entry["loss"] for entry in history if "loss" in entry]
    if not losses or not all(math.isfinite(loss) for loss in losses):
        raise TrainingError("the loss is not a finite number: train with a smaller --learning-rate")
    if not plan.is_full:
        _round(trainer.model)
    seconds = time.monotonic() - begun
    after = trainer.evaluate() if is_held_out else {}
    metrics = {
        "steps": trainer.state.global_step,
        "epochs": round(trainer.state.epoch or 0.0, 3),
        "seconds_of_the_last_run": round(seconds, 1),
        "tokens_per_epoch": tokens,
        "loss_first": losses[0],
        "loss_last": losses[-1],
        "held_out_loss_before": before,
        "held_out_loss_after": after.get("eval_loss"),
        "is_ended_by_time": watch.is_out_of_time,
    }
    return Trained(trainer.model, history, metrics)


def _held_out_before(trainer: Any, kept: Path) -> float:
    """Return the loss on the held-out rows before the first step, also where the training is gone on with."""
    if not kept.is_file():
        loss = trainer.evaluate()["eval_loss"]
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(loss))
    return float(json.loads(kept.read_bytes()))


def _round(model: Any) -> None:
    """Round the adapter as it will be saved, so that what is measured is what is served."""
    with torch.no_grad():
        for weights in model.parameters():
            if weights.requires_grad:
                weights.copy_(weights.to(torch.bfloat16))


def _dataset(examples: Sequence[Example]) -> Any:
    rows = [{"input_ids": list(example.tokens), "labels": list(example.labels)} for example in examples]
    return datasets.Dataset.from_list(rows)
