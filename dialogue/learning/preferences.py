"""Trains on what people preferred: pairs of replies (DPO), or replies with a thumb (KTO)."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import datasets
from trl import DPOConfig, DPOTrainer, KTOConfig, KTOTrainer

from dialogue.engine.vocabulary import Vocabulary
from dialogue.errors import TrainingError
from dialogue.learning.base_model import Learner
from dialogue.learning.examples import completion_tokens
from dialogue.learning.plan import Method, Plan
from dialogue.learning.training import Batches, Trained, adapter_config, arguments, callbacks, run
from dialogue.learning.watching import Watch

Row = dict[str, Any]

_TEXTS = {Method.DPO: ("prompt", "chosen", "rejected"), Method.KTO: ("prompt", "completion")}


def preferences_of(
    rows: Iterable[Row], method: Method, vocabulary: Vocabulary, max_tokens: int, where: str
) -> tuple[list[Row], int]:
    """Return rows with tokens as TRL's collators take them, and how many were too long.

    Raises:
        TrainingError: a row is of another format, or none is left.
    """
    kept: list[Row] = []
    too_long = 0
    for number, row in enumerate(rows, 1):
        made = _tokens(row, method, vocabulary, f"{where}, row {number}")
        longest = max(len(made[name]) for name in made if name not in ("prompt_ids", "label"))
        if len(made["prompt_ids"]) + longest > max_tokens:
            too_long += 1
        else:
            kept.append(made)
    if not kept:
        why = f"all {too_long} rows are longer than {max_tokens} tokens" if too_long else "there are no rows"
        raise TrainingError(f"{where}: there is nothing to learn: {why}")
    if method is Method.KTO and len(kept) < 2:
        raise TrainingError(f"{where}: KTO needs two rows or more, to compare replies with those to other words")
    return kept, too_long


def train_preferences(
    learner: Learner, plan: Plan, rows: Sequence[Row], held_out: Sequence[Row] | None, work: Path, watch: Watch
) -> Trained:
    """Train on rows of `preferences_of`; the base model is what the trained one is compared with.

    Raises:
        TrainingError: it was interrupted, or its loss is not finite.
    """
    # KTO estimates how far the model has moved by replies to other words of the same batch.
    at_once = min(max(2, plan.rows_at_once), len(rows)) if plan.method is Method.KTO else plan.rows_at_once
    batches = Batches(len(rows), at_once, together=max(1, plan.rows_per_step // at_once))
    told = arguments(learner, plan, batches, held_out is not None, work)
    if plan.method is Method.KTO:
        told["train_sampling_strategy"] = "sequential"  # The neighbours are to stay neighbours.
        rows = random.Random(plan.seed_number).sample(rows, len(rows))  # noqa: S311 - no secret
        rows, held_out = _beside_others(rows), _beside_others(held_out or []) or None
    common: dict[str, Any] = {
        "model": learner.model,
        "ref_model": copy.deepcopy(learner.model) if plan.is_full else None,
        "train_dataset": datasets.Dataset.from_list(list(rows)),
        "eval_dataset": datasets.Dataset.from_list(list(held_out)) if held_out else None,
        "processing_class": learner.tokenizer,
        "peft_config": None if plan.is_full else adapter_config(plan),
        "callbacks": callbacks(plan, watch, held_out is not None),
    }
    if plan.method is Method.DPO:
        trainer = _PairTrainer(args=DPOConfig(**told, max_length=None), **common)
    else:
        trainer = _ThumbTrainer(args=KTOConfig(**told, max_length=None, **_weights(rows)), **common)
    tokens = sum(len(ids) for row in rows for name, ids in row.items() if name != "label")
    return run(trainer, plan, work, watch, tokens, held_out is not None)


class _PairTrainer(DPOTrainer):  # type: ignore[misc]
    def _prepare_dataset(self, dataset: Any, *_: Any, **__: Any) -> Any:
        return dataset  # Tokens already, as the engine makes them.

    def create_model_card(self, *_: Any, **__: Any) -> None:
        """Write none: `lineage` writes one that says more."""


class _ThumbTrainer(KTOTrainer):  # type: ignore[misc]
    def _prepare_dataset(self, dataset: Any, *_: Any, **__: Any) -> Any:
        return dataset  # Tokens already, as the engine makes them.

    def create_model_card(self, *_: Any, **__: Any) -> None:
        """Write none: `lineage` writes one that says more."""


def _tokens(row: Row, method: Method, vocabulary: Vocabulary, where: str) -> Row:
    names = _TEXTS[method]
    if not all(isinstance(row.get(name), str) for name in names):
        raise TrainingError(
            f"{where}: it has {', '.join(sorted(row)) or 'no columns'}; {method} takes {', '.join(names)}"
        )
    made: Row = {"prompt_ids": vocabulary.encode_prompt(row["prompt"])}
    made |= {f"{name}_ids": completion_tokens(row[name], row["prompt"], vocabulary) for name in names[1:]}
    if method is Method.KTO:
        if not isinstance(row.get("label"), bool):
            raise TrainingError(f"{where}: `label` is {row.get('label')!r}, accepted are true and false")
        made["label"] = row["label"]
    return made


def _beside_others(rows: Sequence[Row]) -> list[Row]:
    """Give each row the reply to other words, by which KTO estimates how far the model has moved."""
    return [
        {**row, "KL_completion_ids": before["completion_ids"]}
        for before, row in zip([*rows[-1:], *rows], rows, strict=False)
    ]


def _weights(rows: Sequence[Row]) -> dict[str, float]:
    """Weigh the rarer kind more, so that both weigh the same.

    Source: https://arxiv.org/abs/2402.01306, equation 8
    """
    good = max(1, sum(row["label"] for row in rows))
    bad = max(1, sum(not row["label"] for row in rows))
    return {"desirable_weight": max(1.0, bad / good), "undesirable_weight": max(1.0, good / bad)}
