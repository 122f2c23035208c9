"""Which models the slots take: decided by trying."""

from __future__ import annotations

from typing import Any

import pytest

from dialogue.engine.models.fitness import check_fitness
from dialogue.errors import ModelRefused
from tests.dialogue.engine.tiny import CONFIGS, WORDS, random_model, tiny_model


@pytest.mark.parametrize("kind", CONFIGS)
def test_models_with_a_cache_of_keys_and_values_are_taken(kind: str) -> None:
    check_fitness(tiny_model(kind), "tiny")


@pytest.mark.parametrize(
    ("kind", "config"),
    [
        # No positions but a bias that no boolean mask can carry:
        ("bloom", {"n_layer": 2, "n_head": 4}),
        ("falcon", {"num_hidden_layers": 2, "num_attention_heads": 4, "alibi": True}),
        # A state instead of keys:
        ("mamba", {"num_hidden_layers": 2, "state_size": 8}),
    ],
)
def test_other_models_are_refused_with_what_to_use_instead(kind: str, config: dict[str, Any]) -> None:
    model = random_model(
        kind, vocab_size=WORDS, hidden_size=64, bos_token_id=0, eos_token_id=0, pad_token_id=0, **config
    )
    with pytest.raises(ModelRefused, match="GOVORUN_MODEL=https://host/v1"):
        check_fitness(model, "tiny")
