"""How many rows fit."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from dialogue.engine.slots import room
from dialogue.errors import ModelRefused

TOKEN_BYTES = 18_432  # Gemma 3 270M in bfloat16.
GB = 10**9


def test_there_are_twice_as_many_rows_as_places_where_memory_is_plenty() -> None:
    assert room.rows_that_fit(32, 2048, TOKEN_BYTES, 100 * GB) == 64


def test_where_it_is_scarce_there_are_as_many_as_fit() -> None:
    assert room.rows_that_fit(32, 2048, TOKEN_BYTES, GB) == 26


def test_less_than_one_dialogue_is_refused_with_what_to_do() -> None:
    with pytest.raises(ModelRefused, match=r"take 0\.04 GB, and there is room for 0\.03 GB.*GOVORUN_CACHE_GB"):
        room.rows_that_fit(32, 2048, TOKEN_BYTES, 30_000_000)


def test_the_budget_is_a_quarter_of_what_is_free() -> None:
    budget = room.budget_bytes(torch.device("cpu"))
    assert 0 < budget < 0.3 * room._free_on_machine()


@pytest.mark.parametrize(("limit", "free"), [("max", 2**62), ("5000", 3000)])
def test_a_containers_limit_counts(tmp_path: Path, limit: str, free: int) -> None:
    (tmp_path / "memory.max").write_text(f"{limit}\n")
    (tmp_path / "memory.current").write_text("2000\n")
    assert room._free_in_container(tmp_path) == free


def test_a_machine_without_containers_has_no_such_limit(tmp_path: Path) -> None:
    assert room._free_in_container(tmp_path) == 2**62
