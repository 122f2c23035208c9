"""What a prompt takes of the model's context: told instead of an answer, to whoever tries a seed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dialogue.ports import Engine
from dialogue.seed_lint import lint
from dialogue.seeds import Seed


def measured(seed: Seed, prompt: str, reply_tokens: int, engine: Engine) -> Mapping[str, Any]:
    """Return the prompt as the model would be given it, what it takes in tokens, and what is unwise about the seed.

    Args:
        reply_tokens: how long an answer may become.
    """
    return {
        "prompt": prompt,
        "prompt_tokens": engine.count_tokens(prompt),
        "seed_tokens": engine.count_tokens(seed.text),
        "reply_tokens": reply_tokens,
        "context_tokens": engine.context_tokens,
        "model": engine.model,
        "warnings": lint(seed, engine.count_tokens, engine.context_tokens),
    }
