"""What the command line says about a side is taken as meant, or refused with what is accepted."""

from __future__ import annotations

from pathlib import Path

import pytest

from dialogue.errors import EvaluationError
from dialogue.learning.sides import Side, read_side
from dialogue.seeds import Seeds
from tests.fakes import SEED

SEEDS = Seeds([SEED])


def test_everything_that_is_said_is_taken(tmp_path: Path) -> None:
    folder = tmp_path / "a, b"
    folder.mkdir()

    side = read_side(f"model=org/name, adapter={folder},seed=plain-en,temperature=0.3,top_k=7", "--b", SEEDS)

    assert side == Side("org/name", folder, SEED, {"temperature": 0.3, "top_k": 7.0})
    assert side.sampling_for(SEED).top_k == 7
    assert side.sampling_for(SEED).max_new_tokens == SEED.sampling.max_new_tokens


def test_nothing_said_is_the_model_as_it_is() -> None:
    assert read_side("", "--a", SEEDS) == Side()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("plain-en", "not KEY=VALUE with a KEY of model, adapter, seed, temperature"),
        ("heat=3", "'heat=3' is not KEY=VALUE"),
        ("seed=", "not KEY=VALUE"),
        ("seed=plain", 'there is no seed "plain"; did you mean "plain-en"'),
        ("adapter=/nowhere", "there is no folder /nowhere"),
        ("temperature=hot", "temperature=hot is not a number from 0 to 2"),
        ("temperature=3", "temperature=3 is not a number from 0 to 2"),
        ("top_k=1.5", "top_k=1.5 is not a whole number from 0 to 1000"),
        ("top_k=1,top_k=2", "top_k is said twice"),
    ],
)
def test_what_cannot_be_is_refused(text: str, reason: str) -> None:
    with pytest.raises(EvaluationError, match=f"--b.*{reason}"):
        read_side(text, "--b", SEEDS)
