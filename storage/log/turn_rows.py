"""Rows of the table `turns` as they are inserted."""

from __future__ import annotations

from typing import Any

from dialogue.turns import Ask, Speaker
from storage.records import Author, Person, TurnState


def asked_row(dialogue_id: str, person: Person, ask: Ask, text: str, external_id: str, now: float) -> dict[str, Any]:
    """Return the row of something that a person says or asks for; it waits, and has no place in the transcript yet."""
    return {
        "dialogue_id": dialogue_id,
        "speaker": Speaker.PERSON,
        "author": Author.PERSON,
        "person_id": person.id,
        "speaker_name": person.name,
        "ask": ask,
        "text": text,
        "external_id": external_id,
        "state": TurnState.WAITING,
        "version": 1,
        "created_at": now,
    }


def reply_row(
    dialogue_id: str,
    author: Author,
    text: str,
    reply_id: str,
    now: float,
    position: int | None,
    version: int = 1,
    replaces: int | None = None,
) -> dict[str, Any]:
    """Return the row of a turn of the bot; without a position it is dropped from the start."""
    return {
        "dialogue_id": dialogue_id,
        "speaker": Speaker.BOT,
        "author": author,
        "speaker_name": "",
        "ask": Ask.SAY,
        "text": text,
        "external_id": "",
        "state": TurnState.ANSWERED,
        "position": position,
        "version": version,
        "replaces": replaces,
        "reply_id": reply_id,
        "created_at": now,
        "dropped_at": now if position is None else None,
    }
