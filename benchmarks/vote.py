"""What a vote costs: sixteen variants drawn at the same time, against sixteen drawn one after the other.

`python -m benchmarks.vote` asks the seed `music-en` on the embedded model. Both ways draw the same variants of the same
prompt, with the seed read already; all that differs is whether the engine gets them together. The ranges are over the
repetitions.

- `batched_s`, `sequential_s`: seconds until the last variant is there.
- `batched_over_sequential`: the former over the latter of the same repetition: 1 is no gain.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from benchmarks import embedded_model
from benchmarks.results import Row, summary, write_results
from dialogue.engine.torch_engine import torch_engine
from dialogue.kinds.choosing import kind_of
from dialogue.ports import Engine
from dialogue.seeds import Seed, load_seeds
from dialogue.turns import Completion, Dialogue, Prompt, Speaker

SEED = "music-en"


def prompts_of(seed: Seed, variants: int, first_draw: int) -> list[Prompt]:
    """Return as many prompts of the seed's example as there are variants; only the draws differ."""
    kind = kind_of(seed)
    text = kind.render(seed, Dialogue().then(Speaker.PERSON, seed.example))
    return [
        Prompt(text, kind.stops(seed), seed.sampling, first_draw + number, fixed_chars=len(seed.text))
        for number in range(variants)
    ]


async def measured(engine: Engine, seed: Seed, variants: int, repeats: int) -> Row:
    """Draw them in both ways, taking turns at being first."""
    await _together(engine, prompts_of(seed, 2, 0))
    seconds: dict[str, list[float]] = {"batched_s": [], "sequential_s": [], "batched_over_sequential": []}
    ways = {"batched_s": _together, "sequential_s": _one_by_one}
    for number in range(repeats):
        prompts = prompts_of(seed, variants, 1000 * (number + 1))
        for name in sorted(ways, reverse=number % 2 == 1):
            start = time.perf_counter()
            await ways[name](engine, prompts)
            seconds[name].append(time.perf_counter() - start)
        seconds["batched_over_sequential"].append(seconds["batched_s"][-1] / seconds["sequential_s"][-1])
    return {"variants": variants, "seed": seed.name, "repeats": repeats} | summary(seconds, digits=3)


async def _together(engine: Engine, prompts: Sequence[Prompt]) -> list[Completion]:
    return list(await asyncio.gather(*(engine.generate(prompt, _ignore) for prompt in prompts)))


async def _one_by_one(engine: Engine, prompts: Sequence[Prompt]) -> list[Completion]:
    return [await engine.generate(prompt, _ignore) for prompt in prompts]


def _ignore(text: str) -> None:
    pass


async def _measure(variants: int, repeats: int, console: Console) -> Row:
    async with torch_engine(embedded_model.load(console=console)) as engine:
        return await measured(engine, load_seeds().get(SEED), variants, repeats)


def main() -> None:
    """Measure, write the result, show it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--variants", type=int, default=16)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--out", type=Path, help="the folder of the result, if not benchmarks/results")
    options = parser.parse_args()
    console = Console()
    row = asyncio.run(_measure(options.variants, options.repeats, console))
    path = write_results("vote", [row], *[options.out] if options.out else [])
    for name, value in row.items():
        console.print(f"{name}: {value}", highlight=False)
    console.print(f"written to {path}", highlight=False)


if __name__ == "__main__":
    main()
