from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.engine_cpu import Asked, floor_tok_s, llama_python, measure, row


class Writer:
    """A contestant that writes so many tokens a second, and remembers in which order all of them were asked."""

    def __init__(self, name: str, tok_s: float, asked: list[tuple[str, int]], **facts: Any) -> None:
        self.facts = facts
        self._name = name
        self._tok_s = tok_s
        self._asked = asked

    def ask(self, **question: Any) -> dict[str, Any]:
        """Take the time that so many tokens need; memory is asked for nothing."""
        chats = question.get("chats", 0)
        self._asked.append((self._name, chats))
        return {"took_s": chats * question.get("new_tokens", 0) / self._tok_s, "bandwidth_gb_s": 30.0}


def writers(asked: list[tuple[str, int]]) -> dict[str, Asked]:
    return {
        "memory": Writer("memory", 1.0, asked),
        "engine": Writer("engine", 200.0, asked, weight_bytes=int(3e8), precision="int8"),
        "transformers_cb": Writer("transformers_cb", 40.0, asked),
        "generate": Writer("generate", 16.0, asked),
    }


def test_nobody_writes_faster_than_memory_gives_the_weights() -> None:
    assert floor_tok_s(bandwidth_gb_s=30.0, weight_bytes=int(3e8), chats=4) == 400.0


def test_a_ratio_is_taken_in_each_repetition_and_not_of_the_medians() -> None:
    samples = {
        "bandwidth_gb_s": [30.0, 20.0, 40.0],
        "engine_tok_s": [100.0, 400.0, 300.0],
        "llama_cpp_tok_s": [50.0, 100.0, 300.0],
        "transformers_cb_tok_s": [10.0, 10.0, 10.0],
        "generate_tok_s": [5.0, 5.0, 5.0],
    }

    found = row(samples, chats=1, weight_bytes=int(1e8))

    assert (found["over_llama_cpp"], found["over_llama_cpp_range"]) == (2.0, [1.0, 4.0])
    assert (found["over_transformers_cb"], found["over_transformers_cb_range"]) == (30.0, [10.0, 40.0])
    assert (found["floor_tok_s"], found["floor_tok_s_range"]) == (300.0, [200.0, 400.0])


def test_contestants_take_turns_within_each_number_of_chats() -> None:
    asked: list[tuple[str, int]] = []

    measure(writers(asked), [1, 2], new_tokens=8, repetitions=2, advance=lambda what: None)

    names = ["memory", "engine", "transformers_cb", "generate"]
    assert [name for name, _ in asked] == names * 4
    assert [chats for name, chats in asked if name == "engine"] == [1, 2, 1, 2]


def test_a_row_has_the_figures_of_everybody_and_null_for_who_is_missing() -> None:
    rows = measure(writers([]), [1, 16], new_tokens=8, repetitions=2, advance=lambda what: None)

    assert [each["chats"] for each in rows] == [1, 16]
    assert {key: rows[1][key] for key in rows[1] if key.endswith("_tok_s") or key.startswith("over_")} == {
        "engine_tok_s": 200.0,
        "llama_cpp_tok_s": None,
        "transformers_cb_tok_s": 40.0,
        "generate_tok_s": 16.0,
        "floor_tok_s": 1600.0,
        "over_llama_cpp": None,
        "over_transformers_cb": 5.0,
        "over_transformers_cb_range": [5.0, 5.0],
    }
    assert rows[1]["precision"] == "int8"


def test_of_chats_that_are_written_one_by_one_a_few_are_enough() -> None:
    asked: list[tuple[str, int]] = []

    measure(writers(asked), [2, 32], new_tokens=8, repetitions=1, advance=lambda what: None)

    assert [chats for name, chats in asked if name == "generate"] == [2, 4]


@pytest.mark.parametrize("is_there", [True, False])
def test_llama_cpp_is_taken_from_the_environment_that_has_it(tmp_path: Path, is_there: bool) -> None:
    python = tmp_path / "python"
    python.write_text(f"#!{sys.executable}\nimport sys\nsys.exit({0 if is_there else 1})\n")
    python.chmod(0o700)

    assert llama_python(python) == (str(python) if is_there else None)
