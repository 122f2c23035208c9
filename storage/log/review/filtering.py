"""What operators choose dialogues by, as conditions of SQL."""

from __future__ import annotations

from sqlalchemy import ColumnElement, select

from storage.log.tables import dialogues, is_spoken_in, labels
from storage.reviewed import Flag, InboxFilter


def conditions(wanted: InboxFilter, now: float) -> list[ColumnElement[bool]]:
    """Return the conditions that a row of `dialogues` is wanted, whatever its words; somebody has spoken in it."""
    found: list[ColumnElement[bool]] = [is_spoken_in]
    if wanted.status is not None:
        found.append(dialogues.c.status == wanted.status)
    if wanted.approval is not None:
        found.append(dialogues.c.approval == wanted.approval)
    if wanted.seed:
        found.append(dialogues.c.seed == wanted.seed)
    if wanted.model:
        found.append(dialogues.c.model == wanted.model)
    if wanted.assignee_id is not None:
        nobody = dialogues.c.assignee_id.is_(None)
        found.append(dialogues.c.assignee_id == wanted.assignee_id if wanted.assignee_id else nobody)
    if wanted.label:
        found.append(dialogues.c.id.in_(select(labels.c.dialogue_id).where(labels.c.label == wanted.label)))
    if wanted.flag is not None:
        found.append(is_flagged(wanted.flag, now))
    if wanted.since is not None:
        found.append(dialogues.c.last_at >= wanted.since)
    if wanted.until is not None:
        found.append(dialogues.c.last_at < wanted.until)
    return found


def is_flagged(flag: Flag, now: float) -> ColumnElement[bool]:
    """Return the condition that a row of `dialogues` has a flag."""
    return {
        Flag.RETRIED: dialogues.c.retries > 0,
        Flag.DISLIKED: dialogues.c.dislikes > 0,
        Flag.FAILED: dialogues.c.failures > 0,
        Flag.HUMAN: dialogues.c.human_wanted_at.is_not(None),
        Flag.CLAIMED: dialogues.c.claimed_until > now,
    }[flag]
