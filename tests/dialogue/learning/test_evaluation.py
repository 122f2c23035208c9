"""Two sides on the real engine with tiny models: a side against itself is nothing, a better one is found out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dialogue.engine.models.loading import LoadedModel
from dialogue.errors import EvaluationError, ModelRefused
from dialogue.learning.comparison import Interval
from dialogue.learning.evaluation import Evaluation, evaluate
from dialogue.learning.held_out import Approved, HeldOut
from dialogue.learning.sides import Side
from tests.dialogue.engine.random_adapters import write_adapter
from tests.dialogue.engine.tiny import tiny_model
from tests.dialogue.kinds.conftest import FILM, WORD
from tests.dialogue.learning.talks import SHORT, a_model, some_dialogues, write_learned_adapter
from tests.fakes import said

TALKS = some_dialogues(6)


async def load(name: str) -> LoadedModel:
    return replace(a_model(name or "llama"), name=name or "llama")


async def compared(
    a: Side, b: Side, samples: int = 4, dialogues: list[HeldOut] = TALKS, shown: list[str] | None = None
) -> Evaluation:
    def show(stage: str, share: float) -> None:
        if shown is not None and share == 1.0:
            shown.append(stage)

    return await evaluate(dialogues, a, b, load, samples, random_seed=1, show=show)


async def test_a_side_against_itself_is_exactly_nothing() -> None:
    found = await compared(Side(), Side())

    assert found.likelihood.improvement == Interval(0.0, 0.0, 0.0)
    assert found.behaviour is not None
    assert all(fault.increase == Interval(0.0, 0.0, 0.0) for fault in found.behaviour.faults.values())
    assert found.sides[0] == found.sides[1]
    assert not found.verdict.passes


async def test_computed_twice_it_is_exactly_nothing_as_well() -> None:
    # Another name: nothing is taken over from the first side.
    found = await compared(Side(), Side(model="llama"), samples=0)
    twin = await compared(Side(model="llama"), Side(seed=replace(SHORT, name="twin")), samples=0)

    assert found.likelihood.improvement == Interval(0.0, 0.0, 0.0)
    assert twin.likelihood.improvement == Interval(0.0, 0.0, 0.0)


async def test_a_side_that_has_learned_the_replies_is_better_beyond_doubt(tmp_path: Path) -> None:
    folder = write_learned_adapter(tmp_path / "learned", some_dialogues(2))
    shown: list[str] = []

    found = await compared(Side(), Side(adapter=folder), shown=shown)

    assert found.likelihood.improvement.low > 0
    assert found.likelihood.a - found.likelihood.b == pytest.approx(found.likelihood.improvement.value)
    assert found.sides[1].adapter.startswith("sha256:")
    assert found.sides[0].adapter == ""
    assert (found.dialogues, found.likelihood.replies) == (6, 12)
    assert found.behaviour is not None
    assert found.behaviour.replies == 4
    assert found.behaviour.manners[2].median_s > 0
    assert [stage.rpartition(", ")[2] for stage in shown] == ["side A", "side B", "side A", "side B"]


async def test_an_adapter_makes_other_replies_and_a_worse_one_does_not_pass(tmp_path: Path) -> None:
    folder = write_learned_adapter(tmp_path / "learned", some_dialogues(2))

    found = await compared(Side(adapter=folder), Side())

    assert found.likelihood.improvement.high < 0
    assert not found.verdict.passes


async def test_two_models_are_compared_one_after_the_other() -> None:
    found = await compared(Side(), Side(model="gpt2"), samples=2)

    assert [side.model for side in found.sides] == ["llama", "gpt2"]
    assert found.likelihood.a != found.likelihood.b


async def test_sampling_changes_what_is_said_and_nothing_about_likelihood() -> None:
    found = await compared(Side(), Side(sampling={"max_new_tokens": 1.0}))

    assert found.likelihood.improvement == Interval(0.0, 0.0, 0.0)
    assert found.behaviour is not None
    assert found.behaviour.manners[2].characters < found.behaviour.manners[1].characters


async def test_the_same_random_seed_gives_the_same_report() -> None:
    one, other = await compared(Side(), Side()), await compared(Side(), Side())

    assert one.likelihood.improvement == other.likelihood.improvement
    assert one.behaviour is not None and other.behaviour is not None
    assert one.behaviour.faults == other.behaviour.faults
    assert one.behaviour.manners[1].characters == other.behaviour.manners[1].characters


async def test_an_adapter_of_another_model_is_refused(tmp_path: Path) -> None:
    folder = write_adapter(tmp_path / "other", tiny_model("gpt2"))

    with pytest.raises(ModelRefused, match="made for"):
        await compared(Side(), Side(adapter=folder))


async def test_dialogues_that_fit_nowhere_are_said_to() -> None:
    huge = some_dialogues(2, replace(SHORT, text="hello " * 800))

    with pytest.raises(EvaluationError, match="fits the context"):
        await compared(Side(), Side(), dialogues=huge)


async def test_a_tuned_seed_is_compared_with_the_whole_one_and_only_with_its_kind() -> None:
    seed = replace(WORD, sampling=SHORT.sampling)
    words = [HeldOut((Approved(said(f"word {number}"), "Hello!", seed),)) for number in range(2)]

    found = await compared(Side(), Side(seed=seed.tuned()), samples=1, dialogues=words)

    assert found.likelihood.replies == 2
    assert found.likelihood.a != found.likelihood.b
    assert found.behaviour is not None
    with pytest.raises(EvaluationError, match=r"film-en of side B is of the kind completion.* of the kind lines"):
        await compared(Side(), Side(seed=FILM), dialogues=words)
