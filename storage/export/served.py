"""What the model was given for a reply, rendered again, and proven to be what it was by its hash.

Trained is what was served: the same turns, the same renderer, the same cut where the dialogue was too long for the
model. What cannot be proven says why.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from dialogue.errors import TranscriptError
from dialogue.kinds.choosing import kind_of
from dialogue.seeds import Seed, Tags
from dialogue.transcript import render
from dialogue.turns import Dialogue, Speaker, Turn
from storage.export.talks import Draw


class Proof(StrEnum):
    """Whether a prompt is known to be what the model was given."""

    PROVEN = "as_served"
    OTHER_SEED = "as_served_behind_another_seed"
    SEED_CHANGED = "seed_changed"
    NOT_FOUND = "not_found"
    NO_DRAW = "not_by_a_model"


@dataclass(frozen=True, slots=True)
class Given:
    """What a reply answers.

    Args:
        turns: what was given of the dialogue, the oldest first, without what had no room.
        proof: what is known about it.
    """

    turns: tuple[Turn, ...]
    proof: Proof


@dataclass(frozen=True, slots=True)
class Found:
    """What is known about the prompt of a reply.

    Args:
        cut: how many turns had no room.
    """

    cut: int
    proof: Proof


def found(
    turns: Sequence[Turn],
    draw: Draw | None,
    is_continuing: bool,
    seed: Seed,
    versions: Mapping[str, Seed],
    least_cut: int,
) -> Found:
    """Find the prompt of a reply by its hash.

    Args:
        turns: all that was there for the model, the oldest first.
        is_continuing: whether the last of them is the reply that is gone on with.
        seed: as it is now.
        versions: what seeds were like, by version; one of them was served, perhaps that of a seed that stood in.
        least_cut: how many turns had no room for the reply before: hardly ever are there fewer for this one.
    """
    if draw is None:
        # Where operators write, nothing is cut; what they write is learned behind what the model would have been given.
        return Found(least_cut, Proof.NO_DRAW)
    is_this = draw.seed == seed.name and draw.seed_hash == seed.version
    served = seed if is_this else versions.get(draw.seed_hash)
    if served is None:
        return Found(0, Proof.SEED_CHANGED)
    last = max(1, len(turns)) if kind_of(served).keeps_history else 1
    for cut in (*range(least_cut, last), *range(min(least_cut, last))):
        if hashed(prompt_of(turns[cut:], served, is_continuing)) == draw.prompt_hash:
            return Found(cut, Proof.PROVEN if is_this else Proof.OTHER_SEED)
    return Found(0, Proof.NOT_FOUND)


def prompt_of(turns: Sequence[Turn], seed: Seed, is_continuing: bool = False) -> str:
    """Render what was said behind the seed, up to where the reply begins; empty where there is nothing to answer."""
    try:
        return kind_of(seed).render(seed, Dialogue(tuple(turns)), is_continuing)
    except TranscriptError:
        return ""


def line_of(speaker: Speaker, text: str, tags: Tags) -> str:
    """Return a turn as it stands in a transcript, from its tag on."""
    rendered = render("", Dialogue((Turn(speaker, text),)), tags)
    return rendered[1 : -len(tags.bot) - 2]


def hashed(prompt: str) -> str:
    """Return what the log keeps of a prompt."""
    return hashlib.sha256(prompt.encode("utf-8", "surrogatepass")).hexdigest()
