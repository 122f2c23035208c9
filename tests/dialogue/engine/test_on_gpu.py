"""The engine on a GPU, where the machine has one: what a CPU writes, with every step recorded and replayed."""

from __future__ import annotations

import asyncio
import copy
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from dialogue.engine.models.adapters import install
from dialogue.engine.models.loading import LoadedModel
from dialogue.engine.slots.recorders import CudaRecorder
from dialogue.engine.torch_engine import TorchEngine, torch_engine
from dialogue.turns import Completion, Prompt, Sampling
from tests.dialogue.engine.random_adapters import write_adapter
from tests.dialogue.engine.tiny import CONFIGS, GREEDY, LIVELY, loaded, prompt, tiny_model

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU on this machine")

# Of 6 to 300 tokens, so that steps look at 256 keys, and at all of them; more than there are places.
ASKED = [prompt(f"User1: {'hello ' * (number * 11 % 60)}{number}\nUser2:", GREEDY) for number in range(60)]


def ignore(text: str) -> None:
    """Show a draft to nobody."""


def here(kind: str) -> LoadedModel:
    """Return the tiny model as it is loaded on a CPU, ready for adapters."""
    model = copy.deepcopy(tiny_model(kind))
    return replace(loaded(model), rack=install(model))


def on_gpu(kind: str) -> LoadedModel:
    """Return the same model as it is loaded on a GPU, also in float32."""
    model = copy.deepcopy(tiny_model(kind)).to("cuda")
    return replace(loaded(model), rack=install(model), device="cuda")


async def written(engine: TorchEngine, asked: Sequence[Prompt]) -> list[Completion]:
    return await asyncio.gather(*(engine.generate(each, ignore) for each in asked))


def texts(completions: Sequence[Completion]) -> list[str]:
    return [completion.text for completion in completions]


# With 6 of them tokens are guessed; with 40 the GPU is one step ahead.
@pytest.mark.parametrize("slots", [6, 40])
@pytest.mark.parametrize("kind", CONFIGS)
async def test_a_gpu_writes_what_a_cpu_writes_and_every_step_is_recorded(
    kind: str, slots: int, caplog: pytest.LogCaptureFixture
) -> None:
    async with torch_engine(here(kind), slots=6) as engine:
        expected = await written(engine, ASKED)
    with caplog.at_level(logging.WARNING, "dialogue.engine"):
        async with torch_engine(on_gpu(kind), slots=slots, cache_gb=0.2) as engine:
            found = await written(engine, ASKED)
            again = await written(engine, ASKED)
    assert texts(found) == texts(expected)
    assert texts(again) == texts(expected)
    assert [each.likelihood for each in found] == pytest.approx([each.likelihood for each in expected], abs=1e-3)
    assert not caplog.messages


async def test_on_a_gpu_the_same_draw_gives_the_same_text_alone_and_in_company() -> None:
    asked = [replace(each, sampling=LIVELY, draw=number) for number, each in enumerate(ASKED[:8])]
    async with torch_engine(on_gpu("llama"), slots=4, cache_gb=0.2) as engine:
        alone = [(await engine.generate(each, ignore)).text for each in asked]
        assert texts(await written(engine, asked)) == alone
    assert len(set(alone)) == len(asked)


async def test_on_a_gpu_each_text_has_its_own_adapter(tmp_path: Path) -> None:
    names = (None, "polite", "brief")
    asked = [replace(ASKED[3], adapter=name) for name in names]
    found = []
    for served in (here("llama"), on_gpu("llama")):
        async with torch_engine(served, slots=3, cache_gb=0.2) as engine:
            for seed, name in enumerate(names[1:], 1):
                folder = tmp_path / f"{served.device}-{name}"
                await engine.add_adapter(str(name), write_adapter(folder, tiny_model("llama"), seed))
            found.append(texts(await written(engine, asked)))
            # What was recorded with two adapters must not be used with one.
            await engine.remove_adapter("brief")
            found[-1] += texts(await written(engine, asked[:2]))
    assert found[1] == found[0]
    assert len(set(found[0])) == 3


@pytest.mark.parametrize("sampling", [Sampling(temperature=0.7, top_k=0), Sampling(repetition_penalty=1.3)])
async def test_on_a_gpu_words_are_drawn_as_on_a_cpu(sampling: Sampling) -> None:
    asked = [replace(each, sampling=replace(sampling, no_repeat_ngram=3), draw=7) for each in ASKED[:24]]
    found = []
    for served in (here("gpt2"), on_gpu("gpt2")):
        async with torch_engine(served, slots=24, cache_gb=0.2) as engine:
            found.append(texts(await written(engine, asked)))
    assert found[1] == found[0]


async def test_a_step_that_cannot_be_captured_is_done_as_it_is_and_others_are_captured_after_it() -> None:
    device = torch.device("cuda", torch.cuda.current_device())
    recorder = CudaRecorder(device)
    seen = torch.zeros(1, device=device)

    def waits() -> None:
        seen.fill_(seen.item())  # A capture cannot wait for what is computed.

    def counts() -> None:
        seen.add_(1)

    with pytest.raises(RuntimeError):
        recorder.record(waits)
    replay = recorder.record(counts)
    before = int(seen)
    replay()
    replay()
    assert int(seen) == before + 2


class FailsOnce(CudaRecorder):
    """Records as always; the fifth step that is replayed finds no memory."""

    left = 5

    def record(self, step: Callable[[], None]) -> Callable[[], None]:
        replay = super().record(step)

        def fail_once() -> None:
            self.left -= 1
            if self.left == 0:
                raise torch.cuda.OutOfMemoryError("CUDA out of memory")
            replay()

        return fail_once


@pytest.mark.parametrize("slots", [4, 24])
async def test_after_a_step_has_failed_on_a_gpu_the_texts_are_those_they_would_have_been(slots: int) -> None:
    asked = ASKED[:slots]
    async with torch_engine(on_gpu("llama"), slots=slots, cache_gb=0.2) as engine:
        expected = texts(await written(engine, asked))
    recorder = FailsOnce(torch.device("cuda", torch.cuda.current_device()))
    async with torch_engine(on_gpu("llama"), slots=slots, cache_gb=0.2, recorder=recorder) as engine:
        assert texts(await written(engine, asked)) == expected
    assert recorder.left < 0
