"""Puts demonstrations into the log: said by invented people, answered and approved by an operator, as in the review."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

from dialogue.demonstrations import Demonstration
from dialogue.seeds import Seed
from dialogue.turns import Speaker
from storage.log.review.changes import Change
from storage.log.sql_log import SqlLog
from storage.log.writing import Writing
from storage.operators import Operator
from storage.records import ChatKind, DialogueStatus
from storage.reviewed import Approval

CHANNEL = "demonstration"
"""Where these dialogues took place; no process delivers to it."""


async def demonstrate(
    log: SqlLog,
    operator: Operator,
    seed: Seed,
    demonstrations: Sequence[Demonstration],
    show: Callable[[str, float], None],
) -> int:
    """Put dialogues into the log, each in one transaction; those that are there already stay as they are.

    Args:
        show: takes what is done, and which share of it so far, from 0 to 1.

    Returns:
        how many were new.
    """
    new = 0
    for done, demonstration in enumerate(demonstrations, 1):
        async with log.writing() as writing:
            new += await _play(writing, operator, seed, demonstration)
        show(f"demonstrations of {seed.name}", done / len(demonstrations))
    return new


async def _play(writing: Writing, operator: Operator, seed: Seed, demonstration: Demonstration) -> bool:
    """Have one dialogue said; return whether it was not there yet."""
    place = f"{seed.name}:{_digest(demonstration)}"
    person = await writing.person(CHANNEL, place, "", seed.language)
    chat = await writing.chat(CHANNEL, place, ChatKind.PRIVATE, seed.name, seed.language)
    if chat.last_reply:
        return False
    turns = demonstration.dialogue.turns
    if seed.greeting:
        await writing.greet(chat, seed.greeting)
        turns = turns[1:]
    await writing.claim(chat.dialogue_id, operator.id)
    for turn in turns:
        if turn.speaker is Speaker.PERSON:
            await writing.say(chat, person, turn.text)
        else:
            outgoing = await writing.operator_says(chat.dialogue_id, operator.id, turn.text)
            await writing.mark_sent_many([(outgoing.id, 1, ())])
    if turns[-1].speaker is Speaker.PERSON:
        await writing.interrupt(chat)  # Nobody waits for an answer to a last goodbye.
    await writing.release(chat.dialogue_id, operator.id)
    decided = {"approval": Approval.APPROVED, "status": DialogueStatus.RESOLVED, "labels": [demonstration.theme]}
    await writing.change(operator, [Change(chat.dialogue_id, field, value) for field, value in decided.items()])
    return True


def _digest(demonstration: Demonstration) -> str:
    """Return what tells a dialogue from all others: its place is named after it, so that it comes there once."""
    said = repr([(turn.speaker.value, turn.text) for turn in demonstration.dialogue.turns])
    return hashlib.sha256(said.encode()).hexdigest()[:16]
