"""Rows with everything: a dialogue as one record, or its replies as the lines of a table."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from storage.export.material import Material
from storage.export.talks import Said
from storage.records import Author, hashed_id

Row = dict[str, Any]

COLUMNS = (
    *("dialogue", "seed", "at", "author", "model", "revision", "before", "reply", "right", "source", "rating"),
    *("reasons", "thumbs_up", "thumbs_down"),
)
"""The columns of the table."""


def record(material: Material) -> Iterator[Row]:
    """Yield a dialogue with all that was said, kept or not, and what people thought of it."""
    talk, seed = material.talk, material.seed
    yield {
        "dialogue": hashed_id(talk.id),
        "seed": seed.name,
        "seed_version": seed.version,
        "channel": talk.channel,
        "kind": talk.kind,
        "language": seed.language,
        "approval": talk.approval,
        "labels": list(talk.labels),
        "opened_at": _moment(talk.opened_at),
        "turns": [_turn(said) | ({} if talk.are_names_known else {"name": ""}) for said in talk.said],
    }


def table(material: Material) -> Iterator[Row]:
    """Yield each reply with what was said before it, its rating and what is right; see `COLUMNS`."""
    for lesson in material.lessons:
        reply = lesson.reply
        if reply.author is Author.SEED:
            continue
        values = (
            *(hashed_id(material.talk.id), material.seed.name, _moment(reply.created_at), reply.author.value),
            *(_model(reply), _revision(reply), material.heard(reply), reply.text, lesson.right, lesson.source),
            *(reply.reviewed.rating, ", ".join(reply.reviewed.reasons), str(reply.ups), str(reply.downs)),
        )
        yield dict(zip(COLUMNS, values, strict=True))


def _turn(said: Said) -> Row:
    return {
        "author": said.author.value,
        "name": said.name,
        "text": said.text,
        "ask": said.ask,
        "at": _moment(said.created_at),
        "version": said.version,
        "is_kept": said.is_kept,
        "model": _model(said),
        "revision": _revision(said),
        "rating": said.reviewed.rating,
        "correction": said.reviewed.correction,
        "reasons": list(said.reviewed.reasons),
        "thumbs_up": said.ups,
        "thumbs_down": said.downs,
    }


def _model(said: Said) -> str:
    return said.draw.model if said.draw else ""


def _revision(said: Said) -> str:
    return said.draw.revision if said.draw else ""


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
