"""The engine of this process as its users see it: streaming, cancelling, failing, closing."""

from __future__ import annotations

import asyncio
import copy
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from dialogue.engine.models.adapter_file import read_adapter
from dialogue.engine.models.adapters import install
from dialogue.engine.slots.recorders import EagerRecorder, Recorder
from dialogue.engine.torch_engine import TorchEngine, torch_engine
from dialogue.errors import EngineUnavailable, ModelRefused, PromptTooLong
from dialogue.turns import Completion, Prompt, Sampling, StopReason
from tests.dialogue.engine.random_adapters import merged, write_adapter
from tests.dialogue.engine.slots.tape_recorder import TapeRecorder
from tests.dialogue.engine.tiny import GREEDY, LIVELY, loaded, prompt, tiny_model

ENDLESS = Sampling(temperature=0, max_new_tokens=400)


def ignore(text: str) -> None:
    """Show a draft to nobody."""


class Model:
    """The tiny model, which can be made to fail at a forward pass or to stand still before it."""

    def __init__(self) -> None:
        self._model = tiny_model("llama")
        self.fails_at: set[int] = set()
        self.passes = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def __call__(self, **inputs: Any) -> Any:
        self.passes += 1
        if self.passes in self.fails_at:
            raise RuntimeError("out of memory")
        return self._model(**inputs)


async def written(engine: TorchEngine, prompts: list[Prompt]) -> list[Completion]:
    return await asyncio.gather(*(engine.generate(each, ignore) for each in prompts))


async def test_a_completion_says_what_was_read_and_written() -> None:
    async with torch_engine(loaded(tiny_model("llama")), slots=2) as engine:
        completion = await engine.generate(prompt("User1: hello\nUser2:"), ignore)
        assert completion.prompt_tokens == engine.count_tokens("User1: hello\nUser2:")
    assert (completion.stop, completion.new_tokens) == (StopReason.LENGTH, GREEDY.max_new_tokens)
    assert 0 < completion.first_token_s <= completion.duration_s
    assert completion.likelihood is not None
    assert completion.likelihood < 0


async def test_the_text_is_shown_while_it_grows() -> None:
    shown: list[str] = []
    ticks = iter(range(10_000))
    # A clock on which every look is a second later: every step is worth showing.
    async with torch_engine(loaded(tiny_model("llama")), slots=1, clock=lambda: float(next(ticks))) as engine:
        completion = await engine.generate(prompt("User1: hello\nUser2:"), shown.append)
    assert len(shown) > 2
    assert all(later.startswith(earlier) for earlier, later in pairwise([*shown, completion.text]))


async def test_a_text_is_shown_at_most_every_fiftieth_of_a_second() -> None:
    shown: list[str] = []
    async with torch_engine(loaded(tiny_model("llama")), slots=1, clock=lambda: 7.0) as engine:
        await engine.generate(prompt("User1: hello\nUser2:"), shown.append)
    assert len(shown) == 1


async def test_the_same_draw_gives_the_same_text_alone_and_in_company() -> None:
    prompts = [prompt(f"User1: {'hello ' * number}\nUser2:", LIVELY, draw=number) for number in range(6)]
    async with torch_engine(loaded(tiny_model("llama")), slots=4) as engine:
        alone = [(await engine.generate(each, ignore)).text for each in prompts]
        together = [completion.text for completion in await written(engine, prompts)]
        other = await engine.generate(prompt("User1: \nUser2:", LIVELY, draw=99), ignore)
    assert together == alone
    assert other.text != alone[0]


async def test_a_prompt_too_long_is_refused_and_its_neighbours_are_served() -> None:
    async with torch_engine(loaded(tiny_model("llama"), context_tokens=64), slots=2) as engine:
        neighbour = asyncio.create_task(engine.generate(prompt("User1: hello\nUser2:"), ignore))
        with pytest.raises(PromptTooLong, match="exceeds 64"):
            await engine.generate(prompt("User1: hello\nUser2:" * 20), ignore)
        assert (await neighbour).new_tokens == GREEDY.max_new_tokens


async def test_a_prompt_that_just_fits_is_written_to_its_end() -> None:
    async with torch_engine(loaded(tiny_model("llama"), context_tokens=64), slots=1) as engine:
        text = "!" * (64 - GREEDY.max_new_tokens)
        completion = await engine.generate(prompt(text), ignore)
    assert completion.prompt_tokens + completion.new_tokens == 64


async def test_cancelling_frees_the_slot_for_the_next() -> None:
    started = asyncio.Event()
    async with torch_engine(loaded(tiny_model("llama")), slots=1) as engine:
        long = asyncio.create_task(engine.generate(prompt("User1: a", ENDLESS), lambda text: started.set()))
        await started.wait()
        long.cancel()
        following = await engine.generate(prompt("User1: hello\nUser2:"), ignore)
        assert following.new_tokens == GREEDY.max_new_tokens
    with pytest.raises(asyncio.CancelledError):
        await long


async def test_nothing_is_shown_after_cancelling() -> None:
    shown: list[str] = []
    started = asyncio.Event()

    def show(text: str) -> None:
        shown.append(text)
        started.set()

    ticks = iter(range(100_000))
    async with torch_engine(loaded(tiny_model("llama")), slots=1, clock=lambda: float(next(ticks))) as engine:
        long = asyncio.create_task(engine.generate(prompt("User1: a", ENDLESS), show))
        await started.wait()
        long.cancel()
        await asyncio.wait([long])
        seen = len(shown)
        await engine.generate(prompt("User1: hello\nUser2:"), ignore)
    assert len(shown) == seen


@pytest.mark.parametrize("recorder", [None, EagerRecorder()])
async def test_a_step_that_fails_once_is_done_again_and_nobody_notices(recorder: Recorder | None) -> None:
    model = Model()
    prompts = [prompt(f"User1: {text}\nUser2:", LIVELY, draw=7) for text in ("a", "b")]
    async with torch_engine(loaded(model), slots=2, recorder=recorder) as engine:
        expected = await written(engine, prompts)
        for _ in range(3):
            model.fails_at = {model.passes + 5}  # In the middle of both.
            again = await written(engine, prompts)
            assert [each.text for each in again] == [each.text for each in expected]
            assert [each.likelihood for each in again] == pytest.approx(
                [each.likelihood for each in expected], abs=1e-4
            )


@pytest.mark.parametrize("recorder", [None, EagerRecorder()])
async def test_a_text_that_fails_again_and_again_is_given_up_and_the_engine_goes_on(recorder: Recorder | None) -> None:
    model = Model()
    async with torch_engine(loaded(model), slots=2, recorder=recorder) as engine:
        before = await engine.generate(prompt("User1: hello\nUser2:"), ignore)
        model.fails_at = set(range(model.passes + 1, model.passes + 3))
        with pytest.raises(EngineUnavailable, match="RuntimeError"):
            await engine.generate(prompt("User1: a"), ignore)
        after = await engine.generate(prompt("User1: hello\nUser2:"), ignore)
    assert after.text == before.text


async def test_an_engine_that_replays_its_steps_writes_what_one_writes_that_does_not() -> None:
    prompts = [prompt(f"User1: {'hello ' * number}\nUser2:", LIVELY, draw=number) for number in range(6)]
    tape = TapeRecorder()
    texts = []
    for recorder in (None, tape):
        async with torch_engine(loaded(tiny_model("llama")), slots=4, recorder=recorder) as engine:
            texts.append([completion.text for completion in await written(engine, prompts)])
    assert texts[0] == texts[1]
    assert tape.replayed > 2 * tape.recorded


async def test_leaving_the_block_gives_up_what_is_in_flight_and_what_waits() -> None:
    started = asyncio.Event()
    async with torch_engine(loaded(tiny_model("llama")), slots=1) as engine:
        in_flight = asyncio.create_task(engine.generate(prompt("User1: a", ENDLESS), lambda text: started.set()))
        await started.wait()
        waiting = asyncio.create_task(engine.generate(prompt("User1: b", ENDLESS), ignore))
        await asyncio.sleep(0)
    for task in (in_flight, waiting):
        with pytest.raises(EngineUnavailable):
            await task
    with pytest.raises(EngineUnavailable):
        await engine.generate(prompt("User1: c"), ignore)


async def test_texts_with_adapters_and_without_are_written_at_the_same_time(tmp_path: Path) -> None:
    model = copy.deepcopy(tiny_model("llama"))
    folders = {name: write_adapter(tmp_path / name, model, seed) for seed, name in enumerate(("polite", "brief"), 1)}
    expected = {}
    for name in (None, "polite", "brief"):
        alone = merged(model, read_adapter(folders[name]) if name else None)
        async with torch_engine(loaded(alone), slots=1) as engine:
            expected[name] = (await engine.generate(prompt("User1: hello\nUser2:"), ignore)).text
    assert len(set(expected.values())) == 3

    served = replace(loaded(model), rack=install(model))
    async with torch_engine(served, slots=3) as engine:
        for name, folder in folders.items():
            await engine.add_adapter(name, folder)
        asked = [replace(prompt("User1: hello\nUser2:"), adapter=name) for name in expected]
        assert [completion.text for completion in await written(engine, asked)] == list(expected.values())
        with pytest.raises(ModelRefused, match="there is no adapter 'rude'"):
            await engine.generate(replace(asked[0], adapter="rude"), ignore)


@pytest.mark.parametrize("recorder", [None, TapeRecorder()])
async def test_another_adapter_under_the_same_name_uses_nothing_of_the_first(
    tmp_path: Path, recorder: Recorder | None
) -> None:
    model = copy.deepcopy(tiny_model("llama"))
    folders = [write_adapter(tmp_path / str(number), model, seed) for number, seed in enumerate((1, 2, 1))]
    served = replace(loaded(model), rack=install(model))
    asked = replace(prompt("User1: hello\nUser2:"), adapter="polite", fixed_chars=6)
    texts = []
    async with torch_engine(served, slots=1, recorder=recorder) as engine:
        for folder in folders:
            await engine.add_adapter("polite", folder)
            texts.append((await engine.generate(asked, ignore)).text)
            await engine.remove_adapter("polite")
    assert texts[0] == texts[2] != texts[1]


async def test_what_is_written_with_an_adapter_ends_when_it_is_taken_away(tmp_path: Path) -> None:
    model = copy.deepcopy(tiny_model("llama"))
    folder = write_adapter(tmp_path / "polite", model)
    served = replace(loaded(model), rack=install(model))
    started = asyncio.Event()
    async with torch_engine(served, slots=2) as engine:
        await engine.add_adapter("polite", folder)
        asked = replace(prompt("User1: a", ENDLESS), adapter="polite")
        neighbour = asyncio.create_task(engine.generate(prompt("User1: hello\nUser2:"), ignore))
        long = asyncio.create_task(engine.generate(asked, lambda text: started.set()))
        await started.wait()
        await engine.remove_adapter("polite")
        with pytest.raises(EngineUnavailable, match="'polite' was taken away"):
            await long
        assert (await neighbour).new_tokens == GREEDY.max_new_tokens
