"""A tiny model on the disk, and dialogues from which it can learn something."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from dialogue.engine.models.loading import hash_files
from dialogue.learning.base_model import Base, Learner, load
from dialogue.learning.plan import Method, Plan
from tests.dialogue.engine.tiny import tiny_model, tiny_tokenizer

SEED = "A dialogue.\n"

DEVICES = [
    "cpu",
    pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU on this machine")),
]


def tiny_base(folder: Path, kind: str = "llama") -> Base:
    """Write the tiny model of this kind into a folder."""
    tiny_model(kind).save_pretrained(folder)
    tiny_tokenizer(opening=True).save(str(folder / "tokenizer.json"))
    return Base(folder, "tiny", hash_files(folder))


def tiny_learner(base: Base, is_full: bool = False, device: str = "cpu") -> Learner:
    """Load it as for a training on that device."""
    return load(base, device, is_full)


def tiny_plan(**changes: Any) -> Plan:
    """Return a plan for a few quick steps."""
    usual: dict[str, Any] = {
        "method": Method.SFT, "is_full": False, "rank": 4, "learning_rate": 0.01, "epochs": 3.0, "max_tokens": 128,
        "rows_per_step": 4, "rows_at_once": 1, "tokens_at_once": 1024, "evaluations_per_epoch": 2, "patience": 3,
        "seed_number": 0,
    }  # fmt: skip
    return Plan(**{**usual, **changes})


def segments(number: int) -> dict[str, Any]:
    """Return a row of `input-output`: a question with a number, and always the same answers."""
    return {
        "segments": [
            {"label": False, "text": f"{SEED}User1: интернет {number}\nUser2:"},
            {"label": True, "text": " Hello! What is the trouble?\n"},
            {"label": False, "text": f"User1: не работает {number}\nUser2:"},
            {"label": True, "text": " Здравствуйте.\n"},
        ]
    }
