"""Counts what goes into an export and what is left out of it, for its manifest."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from storage.export.material import Material
from storage.records import Author

# TRL's advice: the weights of desirable and undesirable examples should make them count 1:1 to 4:3.
# Source: https://huggingface.co/docs/trl/kto_trainer#imbalanced-data
_LEAST_RATIO, _GREATEST_RATIO = 1.0, 4 / 3


@dataclass(slots=True)
class Tally:
    """Everything that is counted, by name.

    Args:
        dialogues: what became of the dialogues that were wanted.
        rows: what became of the rows.
        sources: where what is learned comes from.
        ratings: how the replies of these dialogues were rated.
        prompts: what is known of their prompts; see `served.Proof`.
    """

    dialogues: Counter[str] = field(default_factory=Counter)
    rows: Counter[str] = field(default_factory=Counter)
    sources: Counter[str] = field(default_factory=Counter)
    ratings: Counter[str] = field(default_factory=Counter)
    prompts: Counter[str] = field(default_factory=Counter)
    labels: Counter[bool] = field(default_factory=Counter)
    personal_data: Counter[str] = field(default_factory=Counter)
    models: Counter[str] = field(default_factory=Counter)
    reviewers: Counter[str] = field(default_factory=Counter)
    seeds: dict[str, Counter[str]] = field(default_factory=dict)

    def add(self, material: Material) -> None:
        """Count what is learned of a dialogue."""
        talk = material.talk
        if talk.approver:
            self.reviewers[talk.approver] += 1
        served = self.seeds.setdefault(material.seed.name, Counter())
        for lesson in material.lessons:
            reply = lesson.reply
            if reply.author is Author.SEED or reply.id in material.not_in_form:
                continue
            self.prompts[lesson.given.proof] += 1
            self.sources[lesson.source or "none"] += 1
            self.ratings[reply.reviewed.rating or "unrated"] += 1
            if reply.reviewed.operator and reply.reviewed.operator != talk.approver:
                self.reviewers[reply.reviewed.operator] += 1
            if reply.draw is not None:
                self.models[f"{reply.draw.model}@{reply.draw.revision}"] += 1
                served[reply.draw.seed_hash] += 1

    def update(self, other: Tally) -> None:
        """Add what another one has counted of what is learned."""
        for name in ("prompts", "sources", "ratings", "reviewers", "models"):
            getattr(self, name).update(getattr(other, name))
        for seed, served in other.seeds.items():
            self.seeds.setdefault(seed, Counter()).update(served)

    def add_row(self, row: dict[str, Any]) -> None:
        """Count a row that was written."""
        self.rows["written"] += 1
        if "label" in row:
            self.labels[bool(row["label"])] += 1
        if "source" in row and "confidence" in row:
            self.sources[row["source"]] += 1

    def label_ratio(self) -> dict[str, Any]:
        """Return how many examples are liked and disliked, and the weights that even them out for KTO."""
        liked, disliked = self.labels[True], self.labels[False]
        ratio = liked / disliked if disliked else None
        is_even = ratio is not None and _LEAST_RATIO <= ratio <= _GREATEST_RATIO
        weights = {"desirable_weight": 1.0, "undesirable_weight": 1.0}
        if ratio and ratio > _GREATEST_RATIO:
            weights["undesirable_weight"] = round(ratio, 4)
        elif ratio and ratio < _LEAST_RATIO:
            weights["desirable_weight"] = round(1 / ratio, 4)
        return {
            "desirable": liked,
            "undesirable": disliked,
            "ratio": ratio and round(ratio, 4),
            "is_within_1_to_4_thirds": is_even,
            **weights,
        }
