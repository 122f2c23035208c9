from __future__ import annotations

from pathlib import Path

import pytest
import torch

from benchmarks.growth import POINTS, Point, row
from benchmarks.growth_point import SHAPES, context, resident_mb, written_s
from dialogue.engine.slots.slot_model import SlotModel
from dialogue.engine.vocabulary import Vocabulary
from tests.dialogue.engine.tiny import loaded, tiny_model, tiny_tokenizer

POINT = Point("chats", "embedded", 4, 256)


def test_each_sweep_varies_one_thing() -> None:
    varying = {
        sweep: {
            key
            for key in ("chats", "context_tokens", "model")
            if len({getattr(point, key) for point in POINTS if point.sweep == sweep}) > 1
        }
        for sweep in ("chats", "context", "model")
    }

    assert varying == {"chats": {"chats"}, "context": {"context_tokens"}, "model": {"model"}}
    assert {point.model for point in POINTS} == {"embedded", *SHAPES}


def test_a_row_says_where_it_was_measured_and_leaves_out_what_could_not_be() -> None:
    answers = [{"write_tok_s": 100.0, "rss_mb": None}, {"write_tok_s": 300.0, "rss_mb": None}]

    assert row(POINT, answers, {"parameters_m": 268.0}) == {
        "sweep": "chats",
        "model": "embedded",
        "chats": 4,
        "context_tokens": 256,
        "parameters_m": 268.0,
        "write_tok_s": 200.0,
        "write_tok_s_range": [100.0, 300.0],
        "repetitions": 2,
    }


def test_all_chats_write_behind_a_context_that_was_read_once() -> None:
    model = SlotModel(tiny_model("llama"), 6, 64)
    vocabulary = Vocabulary(tiny_tokenizer())

    with torch.inference_mode():
        read_s, tokens, write_s = written_s(model, vocabulary, list(range(5, 37)), chats=3, new_tokens=16, draw=1)

    assert 0 < tokens <= 3 * 15
    assert read_s > 0
    assert write_s > 0


@pytest.mark.parametrize("tokens", [10, 5000])
def test_a_context_has_as_many_tokens_as_wanted(tokens: int) -> None:
    assert len(context(loaded(tiny_model("llama")), tokens)) == tokens


def test_resident_memory_is_told_where_the_system_tells_it(tmp_path: Path) -> None:
    status = tmp_path / "status"
    status.write_text("Name:\tpython\nVmRSS:\t  2000 kB\n")

    assert resident_mb(status) == 2.048
    assert resident_mb(tmp_path / "missing") is None


def test_a_picture_is_drawn_of_each_sweep_and_is_the_same_for_the_same_figures(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="it comes with the group bench")
    from benchmarks.growth_plots import draw

    answers = [{"write_tok_s": 100.0, "read_tok_s": 900.0, "cache_mb": 20.0, "rss_mb": 1600.0}]
    rows = [row(point, answers, {"parameters_m": 268.0}) for point in POINTS]

    once, again = (list(draw(rows, tmp_path / folder)) for folder in ("once", "again"))

    assert [path.name for path in once] == ["growth-chats.svg", "growth-context.svg", "growth-model.svg"]
    assert [path.read_bytes() for path in once] == [path.read_bytes() for path in again]
