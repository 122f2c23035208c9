"""The engine as a worker runs it: how fast it writes many dialogues, and how many turns it answers."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from itertools import count

from benchmarks.gpu.plan import TEMPERATURE, TOP_K, TOP_P, Plan, prompts, repetitions, text_of
from dialogue.engine.models.loading import LoadedModel
from dialogue.engine.slots.recorders import EagerRecorder
from dialogue.engine.torch_engine import TorchEngine, torch_engine
from dialogue.turns import Completion, Prompt, Sampling

Samples = dict[str, list[float]]


async def measure(loaded: LoadedModel, plan: Plan, dialogues: int) -> Samples:
    """Return the tokens per second, and the turns per second with and without reuse.

    Raises:
        MemoryError: there is no room for so many dialogues.
    """
    # In a trial on a CPU the steps have the same shapes, but nothing replays them.
    recorder = None if loaded.device == "cuda" else EagerRecorder()
    async with torch_engine(loaded, slots=dialogues, recorder=recorder) as engine:
        if engine.slots < dialogues:
            raise MemoryError(f"{engine.slots} dialogues fit into the memory, not {dialogues}")
        return {
            "engine_tok_s": await _writing_tok_s(engine, plan, dialogues),
            "turns_per_s": await _turns_per_s(engine, plan, dialogues, reuses=True),
            "turns_per_s_without_reuse": await _turns_per_s(engine, plan, dialogues, reuses=False),
        }


async def _writing_tok_s(engine: TorchEngine, plan: Plan, dialogues: int) -> list[float]:
    asked = [text_of(tokens) for tokens in prompts(plan, dialogues, random.Random(dialogues))]
    # Once all prompts have been read, each dialogue finds its own again, and all are written side by side.
    await _took_s(engine, asked, new_tokens=1)
    await _took_s(engine, asked, plan.long)
    rates = []
    for _ in repetitions(plan):
        short_s = await _took_s(engine, asked, plan.short)
        long_s = await _took_s(engine, asked, plan.long)
        rates.append(dialogues * (plan.long - plan.short) / (long_s - short_s))
    return rates


async def _took_s(engine: TorchEngine, asked: Sequence[str], new_tokens: int) -> float:
    began = time.perf_counter()
    written = await asyncio.gather(*(_continued(engine, text, new_tokens, draw) for draw, text in enumerate(asked)))
    assert [each.new_tokens for each in written] == [new_tokens] * len(asked)
    return time.perf_counter() - began


async def _turns_per_s(engine: TorchEngine, plan: Plan, dialogues: int, reuses: bool) -> list[float]:
    chance = random.Random(dialogues + reuses)
    numbers = count()

    async def talk(seed: str) -> None:
        text = seed
        for _ in range(plan.turns):
            number = next(numbers)
            text = f"{text} {text_of(chance.choices(range(plan.words), k=plan.said_tokens))}"
            # With another word in front of it nothing is as it was.
            asked = text if reuses else f"{text_of([number % plan.words])} {text}"
            fixed_chars = len(seed) if reuses else 0
            written = await _continued(engine, asked, plan.reply_tokens, number, fixed_chars)
            assert reuses or written.reused_tokens < plan.seed_tokens
            text = f"{text}{written.text}"

    rates = []
    for _ in repetitions(plan):
        seed = text_of(chance.choices(range(plan.words), k=plan.seed_tokens))
        began = time.perf_counter()
        await asyncio.gather(*(talk(seed) for _ in range(dialogues)))
        rates.append(dialogues * plan.turns / (time.perf_counter() - began))
    return rates


async def _continued(engine: TorchEngine, text: str, new_tokens: int, draw: int, fixed_chars: int = 0) -> Completion:
    sampling = Sampling(temperature=TEMPERATURE, top_k=TOP_K, top_p=TOP_P, max_new_tokens=new_tokens)
    return await engine.generate(Prompt(text, (), sampling, draw, fixed_chars), _ignore)


def _ignore(text: str) -> None:
    """Show a draft to nobody."""
