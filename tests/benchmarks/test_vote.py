"""The measurement of a vote: both ways draw the same."""

from __future__ import annotations

from benchmarks.vote import measured, prompts_of
from dialogue.seeds import load_seeds
from tests.fakes import ScriptedEngine


async def test_both_ways_draw_the_same_variants_of_one_prompt() -> None:
    seed = load_seeds().get("music-en")
    engine = ScriptedEngine([*['Blur"'] * 10])

    row = await measured(engine, seed, variants=4, repeats=1)

    assert engine.prompts[2:6] == engine.prompts[6:] == prompts_of(seed, 4, 1000)
    assert len({prompt.text for prompt in engine.prompts}) == 1
    assert (row["variants"], row["repeats"]) == (4, 1)
