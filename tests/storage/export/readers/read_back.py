"""Has a reader read exports, and says what it made of them."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from dialogue.engine.vocabulary import Vocabulary
from tests.dialogue.engine.tiny import tiny_tokenizer

Row = dict[str, Any]
Read = dict[str, list[Row]]

END_OF_TEXT = "<|endoftext|>"

_MASKED = -100


def read_by(python: str, script: str, exports: Path, names: Sequence[str]) -> Read:
    """Return what a trainer is given of each export."""
    command = [python, str(Path(__file__).with_name(script)), str(exports), *names]
    hub = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(exports / "hub")}
    done = subprocess.run(command, env=os.environ | hub, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-5_000:]
    read: Read = json.loads((exports / "read.json").read_text())
    return read


def replies(said: list[tuple[str, str]]) -> list[str]:
    """Return what the assistant says in a conversation."""
    return [text for role, text in said if role == "assistant"]


def tokens(text: str) -> list[int]:
    """Return the tokens that the engine makes of a text."""
    return Vocabulary(tiny_tokenizer()).encode(text)


def text_of(ids: Sequence[int]) -> str:
    """Return the text of tokens, special ones with it."""
    return str(tiny_tokenizer().decode(ids, skip_special_tokens=False))


def parts(row: Row, prefix: str = "") -> list[tuple[bool, str]]:
    """Return what is masked of a row and what is learned, in order."""
    ids, labels = row[f"{prefix}input_ids"], row[f"{prefix}labels"]
    assert all(label in (_MASKED, id) for id, label in zip(ids, labels, strict=True))
    groups = groupby(zip(ids, labels, strict=True), key=lambda pair: pair[1] != _MASKED)
    return [(is_learned, text_of([id for id, _ in group])) for is_learned, group in groups]
