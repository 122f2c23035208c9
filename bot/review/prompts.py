"""The prompt of a generation, made again from the log and proven by its hash: the log keeps only that."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from dialogue.errors import TranscriptError
from dialogue.kinds.choosing import kind_of
from dialogue.seeds import Seed
from dialogue.turns import Dialogue, StopReason
from storage.reviewed import Draw


@dataclass(frozen=True, slots=True)
class Explained:
    """A draw, with what led to it.

    Args:
        prompt: as it was sent, byte for byte; empty where it cannot be made again.
        why_not: the name of the reason for that: `seed_gone`, `seed_changed` or `not_found`.
        kept: what of the raw text became the reply; `cut` is what was cut off.
    """

    draw: Draw
    prompt: str
    why_not: str
    kept: str
    cut: str


def explained(draw: Draw, said: Dialogue, asked: str, seed: Seed | None) -> Explained:
    """Return a draw with its prompt.

    Args:
        said: everything that the model was given at that time, from the beginning of the dialogue.
        asked: what was asked: `say`, `retry` or `continue`.
        seed: in the version that the model was given; another one where that is not known, None where none is left.
    """
    if seed is None:
        return Explained(draw, "", "seed_gone", draw.text, "")
    kind = kind_of(seed)
    kept = kind.cut(draw.text, StopReason(draw.stop), seed)
    # What has several lines is unfolded in the reply, and not found in the raw text.
    start = draw.text.find(kept)
    cut = draw.text[start + len(kept) :] if start >= 0 else ""
    if seed.version != draw.seed_hash:
        return Explained(draw, "", "seed_changed", kept, cut)
    # Old turns were left out where they did not fit; how many depends on the model's tokens, so each number is tried.
    for first in range(max(1, len(said.turns))):
        try:
            prompt = kind.render(seed, Dialogue(said.turns[first:]), asked == "continue")
        except TranscriptError:
            break
        if hashlib.sha256(prompt.encode("utf-8", "surrogatepass")).hexdigest() == draw.prompt_hash:
            return Explained(draw, prompt, "", kept, cut)
    return Explained(draw, "", "not_found", kept, cut)
