"""Fitting a dialogue into the model's context: the seed always stays, old turns go in blocks."""

from __future__ import annotations

from collections.abc import Callable

from dialogue.errors import PromptTooLong
from dialogue.kinds.choosing import kind_of
from dialogue.seeds import Seed
from dialogue.transcript import render
from dialogue.turns import Dialogue, Speaker

# The share of the room for turns that is dropped at once. Dropping turn by turn would change the front of the prompt at
# every turn, and with it void the cached keys of everything behind it.
_BLOCK_SHARE = 0.5


def fitted_prompt(
    seed: Seed,
    dialogue: Dialogue,
    budget_tokens: int,
    count_tokens: Callable[[str], int],
    is_continuing: bool = False,
) -> str:
    """Render the dialogue behind its seed in at most `budget_tokens` tokens.

    Where it does not fit, the oldest turns go, so many that the next turns fit without dropping again. The cut depends
    only on the turns before it: the front of the prompt stays the same from turn to turn.

    Raises:
        PromptTooLong: the seed and the last turn alone do not fit.
    """
    kind = kind_of(seed)

    def rendered(first: int) -> str:
        return kind.render(seed, Dialogue(dialogue.turns[first:]), is_continuing)

    prompt = rendered(0)
    if count_tokens(prompt) <= budget_tokens:
        return prompt
    cuts = _cuts(seed, dialogue, budget_tokens, count_tokens) if kind.keeps_history else []
    for first in cuts:
        prompt = rendered(first)
        if count_tokens(prompt) <= budget_tokens:
            return prompt
    raise PromptTooLong(f"the seed {seed.name} and the last message do not fit {budget_tokens} tokens")


def _cuts(seed: Seed, dialogue: Dialogue, budget_tokens: int, count_tokens: Callable[[str], int]) -> list[int]:
    """Return where the kept turns may begin: a block's end at a time, then, as a last resort, turn by turn."""
    turns = dialogue.turns
    seed_tokens = count_tokens(render(seed.text, Dialogue(), seed.tags))
    block_tokens = max(1, int((budget_tokens - seed_tokens) * _BLOCK_SHARE))
    cuts: list[int] = []
    dropped_tokens, next_block = 0, block_tokens
    for index, turn in enumerate(turns[:-1]):
        dropped_tokens += count_tokens(f"\n{seed.tags.person}: {turn.text}")
        # What is kept begins with the person's words: a reply to nothing would puzzle the model.
        if dropped_tokens >= next_block and turns[index + 1].speaker is Speaker.PERSON:
            cuts.append(index + 1)
            next_block = (dropped_tokens // block_tokens + 1) * block_tokens
    beyond_blocks = range((cuts[-1] if cuts else 0) + 1, len(turns))
    return [*cuts, *beyond_blocks]
