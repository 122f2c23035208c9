"""What is to be trained, and how: what nobody says is chosen by the method and by the model's size."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Method(StrEnum):
    """How a model learns: from replies (SFT), from pairs of them (DPO), or from thumbs (KTO)."""

    SFT = "sft"
    DPO = "dpo"
    KTO = "kto"


@dataclass(frozen=True, slots=True)
class Wishes:
    """What somebody wants to have otherwise; None for the default."""

    epochs: float | None = None
    rank: int | None = None
    learning_rate: float | None = None
    max_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """How a model is trained.

    Args:
        is_full: all weights are trained, not an adapter.
        rank: that of the adapter's matrices; its alpha is twice as much.
        max_tokens: of a row; what is longer is cut or left out.
        rows_per_step: so many rows are read before the weights are changed.
        rows_at_once: so many of them are read together, at most.
        tokens_at_once: and not more tokens than this, but for what the rows have in common; SFT only.
        evaluations_per_epoch: so often the held-out rows are read, and a checkpoint is written.
        patience: training ends after so many evaluations without progress.
        seed_number: what chance begins with.
    """

    method: Method
    is_full: bool
    rank: int
    learning_rate: float
    epochs: float
    max_tokens: int
    rows_per_step: int
    rows_at_once: int
    tokens_at_once: int
    evaluations_per_epoch: int
    patience: int
    seed_number: int

    def as_facts(self) -> dict[str, Any]:
        """Return the plan as JSON takes it."""
        return {**asdict(self), "method": str(self.method)}


def planned(
    method: Method, is_full: bool, parameters: int, device: str, seed_number: int = 0, wishes: Wishes | None = None
) -> Plan:
    """Choose what nobody has said.

    Args:
        parameters: of the base model.
        device: on a CPU rows with preferences are read one by one, so that nothing is computed for padding.
    """
    wishes = wishes or Wishes()
    rate = _learning_rate(is_full, parameters)
    if method is not Method.SFT:
        rate /= 20  # Preferences move a model that talks well already; at the rate of SFT it soon babbles.
    return Plan(
        method=method,
        is_full=is_full,
        rank=wishes.rank or 16,
        learning_rate=wishes.learning_rate or rate,
        epochs=wishes.epochs or (3.0 if method is Method.SFT else 1.0),
        max_tokens=wishes.max_tokens or 2048,
        rows_per_step=8,
        rows_at_once=(8 if method is Method.SFT else 1) if device == "cpu" else 8 if parameters < 10**9 else 2,
        tokens_at_once=4096 if device == "cpu" or parameters >= 10**9 else 16384,
        evaluations_per_epoch=2,
        patience=3,
        seed_number=seed_number,
    )


def _learning_rate(is_full: bool, parameters: int) -> float:
    """Return the usual rate: the larger the model, the smaller its steps; an adapter's are about ten times larger.

    Source: https://thinkingmachines.ai/blog/lora/
    """
    lora = 5e-4 if parameters < 10**9 else 2e-4 if parameters < 10**10 else 1e-4
    return lora / 10 if is_full else lora
