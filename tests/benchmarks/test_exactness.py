from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

import pytest
import torch

from benchmarks.exactness import Task, Writing, first_difference, generated, row, tasks, written
from dialogue.engine.vocabulary import Vocabulary
from tests.dialogue.engine.tiny import loaded, tiny_model, tiny_tokenizer

TEXTS = ["User1: Здравствуйте, не работает интернет.\nUser2: Hello! " * 12, "What is the trouble with it? " * 40]


@pytest.fixture(autouse=True)
def without_gradients() -> Iterator[None]:
    with torch.inference_mode():
        yield


def cut(number: int) -> list[Task]:
    return tasks(Vocabulary(tiny_tokenizer(opening=True)), TEXTS, number, random.Random(1))


def test_tasks_are_ragged_and_begin_with_the_opening_token() -> None:
    lengths = [len(task.tokens) for task in cut(60)]

    assert 5 <= min(lengths) < 50
    assert 150 < max(lengths) <= 200
    assert {task.tokens[0] for task in cut(60)} == {0}
    assert {8, 24} <= {task.new_tokens for task in cut(200)} <= set(range(8, 25))


def test_every_second_task_begins_where_another_one_does() -> None:
    found = cut(20)

    for task in found[1::2]:
        begun = [other.tokens[:5] for other in found if other is not task]
        assert task.tokens[:5] in begun


@pytest.mark.parametrize("reuse", [True, False])
def test_the_engine_writes_what_the_model_does_while_others_come_and_go(reuse: bool) -> None:
    model = tiny_model("llama")
    asked = cut(24)
    told: list[None] = []

    found = written(loaded(model), asked, reuse, random.Random(3), lambda: told.append(None))

    assert [each.tokens for each in found] == [generated(model, task) for task in asked]
    assert (sum(each.reused_tokens for each in found) > 0) is reuse
    assert len(told) == len(asked)


def test_a_difference_is_told_with_its_place_and_its_margin() -> None:
    asked = [Task((0, 5, 6), 3), Task((0, 5), 3), Task((0,), 3)]
    expected = [(1, 2, 3), (1, 2, 3), (1, 2)]
    found = [Writing((1, 2, 3), 2), Writing((1, 9, 3), 0), Writing((1, 2, 3), 0)]
    compared: list[tuple[Sequence[int], int, int]] = []

    def margin(before: Sequence[int], right: int, wrong: int) -> float:
        compared.append((before, right, wrong))
        return 0.5

    result = row(True, asked, expected, found, margin)

    assert (result["prompts"], result["equal"], result["reuse"]) == (3, 1, True)
    assert result["reused_share"] == round(2 / 6, 3)
    assert result["differences"] == [
        {"prompt": 1, "prompt_tokens": 2, "at": 1, "margin": 0.5},
        {"prompt": 2, "prompt_tokens": 1, "at": 2},
    ]
    assert compared == [([0, 5, 1], 2, 9)]


@pytest.mark.parametrize(
    ("some", "others", "place"), [((1, 2), (1, 2), 2), ((1, 2), (1, 3), 1), ((1,), (1, 2), 1), ((), (1,), 0)]
)
def test_the_first_difference_is_found(some: tuple[int, ...], others: tuple[int, ...], place: int) -> None:
    assert first_difference(some, others) == place
