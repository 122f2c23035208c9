"""Rehearsals: the model proposes an operator's next message, and no person is ever sent it.

A rehearsal is a dialogue of its own in Redis, named after the real one, whose history is that of the real one. So the
workers need not know of rehearsals: they answer jobs.
"""

from __future__ import annotations

CHANNEL = "review"
"""The channel through which proposals come back."""

_MARK = "~"


def rehearsal_of(dialogue_id: str) -> str:
    """Return the name of a dialogue's rehearsal; there is one at a time."""
    return dialogue_id + _MARK


def rehearsed(dialogue_id: str) -> str:
    """Return the dialogue that is rehearsed; of any other dialogue, itself."""
    return dialogue_id.removesuffix(_MARK)
