"""Trains a model with TRL and PEFT: an adapter, or all of its weights; goes on where an interruption has stopped it."""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import datasets
import torch
from peft import LoraConfig
from transformers import DynamicCache, EarlyStoppingCallback
from transformers.trainer_callback import PrinterCallback
from transformers.trainer_utils import get_last_checkpoint
from trl import SFTConfig, SFTTrainer

from dialogue.errors import TrainingError
from dialogue.learning.base_model import Learner
from dialogue.learning.examples import Example, Examples
from dialogue.learning.packs import Pack, alone, packs_of, tensors_of
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
    packs = _packed(learner, plan, examples)
    rows_in_a_pack = len(examples.examples) / len(packs)
    batches = Batches(len(packs), rows_at_once=1, together=max(1, round(plan.rows_per_step / rows_in_a_pack)))
    trainer = _ReplyTrainer(
        model=learner.model,
        args=SFTConfig(
            **arguments(learner, plan, batches, held_out is not None, work),
            max_length=None,  # Cut already, and never within a reply.
            remove_unused_columns=False,
        ),
        train_dataset=_dataset(packs),
        eval_dataset=_dataset(_packed(learner, plan, held_out)) if held_out else None,
        data_collator=partial(_collated, padding=learner.tokenizer.pad_token_id),
        processing_class=learner.tokenizer,
        peft_config=None if plan.is_full else adapter_config(plan),
        callbacks=callbacks(plan, watch, held_out is not None),
    )
    return run(trainer, plan, work, watch, tokens=examples.tokens, is_held_out=held_out is not None)


def _packed(learner: Learner, plan: Plan, examples: Examples) -> list[Pack]:
    if saves_activations(learner):  # What is computed twice keeps no keys in between.
        return alone(examples.examples)
    return packs_of(examples.examples, plan.rows_at_once, plan.tokens_at_once, plan.seed_number)


class _ReplyTrainer(SFTTrainer):  # type: ignore[misc]
    def compute_loss(self, model: Any, inputs: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Read what the rows begin with once, and the rows behind its keys."""
        beginning = inputs.pop("beginning", None)
        if beginning is not None:
            keys = DynamicCache(config=self.accelerator.unwrap_model(model).config)
            model(input_ids=beginning, past_key_values=keys, use_cache=True, logits_to_keep=1)
            if keys.get_seq_length() != beginning.shape[1]:
                raise TrainingError("this model keeps no keys and values that others could go on from")
            keys.batch_repeat_interleave(len(inputs["input_ids"]))
            inputs["past_key_values"] = keys
        return super().compute_loss(model, inputs, *args, **kwargs)

    def _prepare_dataset(self, dataset: Any, *_: Any, **__: Any) -> Any:
        return dataset  # Tokens already, as the engine makes them.

    def create_model_card(self, *_: Any, **__: Any) -> None:
        """Write none: `lineage` writes one that says more."""


@dataclass(frozen=True, slots=True)
class Batches:
    """How an epoch is cut.

    Args:
        rows: that the trainer sees.
        rows_at_once: so many of them are computed together.
        together: the weights are changed after so many times of it.
    """

    rows: int
    rows_at_once: int
    together: int

    @property
    def steps(self) -> int:
        """How often the weights are changed in an epoch."""
        return max(1, math.ceil(math.ceil(self.rows / self.rows_at_once) / self.together))


def saves_activations(learner: Learner) -> bool:
    """Return whether what lies between the layers is computed once more instead of kept: a large model needs it."""
    return learner.device != "cpu" and learner.parameters > 3 * 10**9


def arguments(learner: Learner, plan: Plan, batches: Batches, is_held_out: bool, work: Path) -> dict[str, Any]:
    """Return what all trainers of TRL are told."""
    between = max(1, math.ceil(batches.steps / plan.evaluations_per_epoch))
    is_cpu = learner.device == "cpu"
    return {
        "output_dir": str(work),
        "num_train_epochs": plan.epochs,
        "per_device_train_batch_size": batches.rows_at_once,
        "per_device_eval_batch_size": batches.rows_at_once,
        "gradient_accumulation_steps": batches.together,
        "learning_rate": plan.learning_rate,
        "lr_scheduler_type": "cosine",
        "warmup_steps": math.ceil(0.05 * batches.steps * plan.epochs),
        "weight_decay": 0.0,
        "max_grad_norm": 1.0,
        "seed": plan.seed_number,
        "data_seed": plan.seed_number,
        "train_sampling_strategy": "random",
        "use_cpu": is_cpu,
        "bf16": not is_cpu and plan.is_full and torch.cuda.is_bf16_supported(),
        "activation_checkpointing": saves_activations(learner),
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


def _dataset(packs: Sequence[Pack]) -> Any:
    return datasets.Dataset.from_list([asdict(pack) for pack in packs])


def _collated(packs: Sequence[dict[str, Any]], padding: int) -> dict[str, torch.Tensor]:
    (pack,) = packs
    endings = (Example(tuple(row["tokens"]), tuple(row["labels"])) for row in pack["endings"])
    return tensors_of(Pack(tuple(pack["beginning"]), tuple(endings)), padding)
