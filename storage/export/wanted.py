"""What an export is to hold: which dialogues, which replies, how they are divided and written."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from storage.reviewed import Rating


class Format(StrEnum):
    """The shapes of a row; `storage.export.shapes` makes them."""

    TRANSCRIPT = "transcript"
    PROMPT_COMPLETION = "prompt-completion"
    MESSAGES = "messages"
    SHAREGPT = "sharegpt"
    ALPACA = "alpaca"
    INPUT_OUTPUT = "input-output"
    DPO = "dpo"
    KTO = "kto"
    OPENAI = "openai"
    OPENAI_DPO = "openai-dpo"
    QA = "qa"
    JSON_QA = "json-qa"
    CSV = "csv"
    JSONL = "jsonl"


class Ending(StrEnum):
    """What a reply ends with: nothing, where the trainer adds the end of text, or the tag of the turn behind it."""

    EOS = "eos"
    TAG = "tag"


class Handling(StrEnum):
    """What becomes of something that is better not in training data."""

    REMOVE = "remove"
    KEEP = "keep"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which dialogues and replies; an empty value filters nothing.

    Args:
        is_unreviewed_wanted: also take dialogues on which nobody has decided; rejected ones are never taken.
        seeds: names of seeds.
        model: the model that wrote a reply; the words of operators have none.
        rating: that of a reply.
        operator: who has approved a dialogue.
        since, until: when something was said last, seconds since the epoch.
        language: that of the seed.
    """

    is_unreviewed_wanted: bool = False
    seeds: tuple[str, ...] = ()
    model: str = ""
    rating: Rating = Rating.NONE
    operator: str = ""
    since: float | None = None
    until: float | None = None
    language: str = ""

    def as_query(self) -> dict[str, Any]:
        """Return it as the manifest has it; what filters nothing is left out."""
        query: dict[str, Any] = {"approval": ["approved", "unreviewed"] if self.is_unreviewed_wanted else ["approved"]}
        for name in ("seeds", "model", "rating", "operator", "language"):
            if value := getattr(self, name):
                query[name] = list(value) if isinstance(value, tuple) else str(value)
        for name in ("since", "until"):
            at = getattr(self, name)
            if at is not None:
                query[name] = datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
        return query
