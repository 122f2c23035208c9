"""A person's right to a copy: everything that the log keeps of them."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from sqlalchemy import Row, bindparam, or_, select

from storage.log.sql import SqlConnection, translated
from storage.log.tables import answers, chats, dialogues, generations, people, thumbs, turns

_read_person = select(people).where(
    people.c.channel == bindparam("channel"), people.c.external_id == bindparam("external_id")
)
_own_turns = select(turns.c.id).where(turns.c.person_id == bindparam("person"))
_replies_to_them = select(answers.c.reply_id).where(answers.c.turn_id.in_(_own_turns))
_read_turns = (
    select(
        turns,
        dialogues.c.seed,
        dialogues.c.opened_at,
        chats.c.external_id.label("chat"),
        chats.c.kind.label("chat_kind"),
        chats.c.settings,
    )
    .join_from(turns, dialogues)
    .join(chats)
    .where(or_(turns.c.person_id == bindparam("person"), turns.c.reply_id.in_(_replies_to_them)))
    .order_by(dialogues.c.opened_at, dialogues.c.id, turns.c.id)
)
_read_generations = (
    select(generations.c.reply_id, generations.c.model, generations.c.text)
    .where(generations.c.reply_id.in_(_replies_to_them))
    .order_by(generations.c.id)
)
_read_thumbs = (
    select(turns.c.text, thumbs.c.is_up, thumbs.c.created_at)
    .join_from(thumbs, turns, turns.c.id == thumbs.c.turn_id)
    .where(thumbs.c.person_id == bindparam("person"))
    .order_by(thumbs.c.created_at)
)


async def everything_about(connection: SqlConnection, channel: str, external_id: str) -> dict[str, Any]:
    """Return a person, what they said and what was written for them; empty where nothing is kept.

    What others said in the same groups is theirs, and not part of it.
    """
    with translated():
        person = (
            await connection.execute(_read_person, {"channel": channel, "external_id": external_id})
        ).one_or_none()
        if person is None:
            return {}
        said = (await connection.execute(_read_turns, {"person": person.id})).all()
        drawn = (await connection.execute(_read_generations, {"person": person.id})).all()
        liked = (await connection.execute(_read_thumbs, {"person": person.id})).all()
    by_dialogue: defaultdict[str, list[Row[Any]]] = defaultdict(list)
    for row in said:
        by_dialogue[row.dialogue_id].append(row)
    return {
        "person": {
            "channel": channel,
            "id": external_id,
            "name": person.name,
            "language": person.language,
            "since": person.created_at,
        },
        "dialogues": [_dialogue(rows) for rows in by_dialogue.values()],
        "generations": [{"model": row.model, "text": row.text} for row in drawn],
        "thumbs": [{"text": row.text, "is_up": row.is_up, "at": row.created_at} for row in liked],
    }


def _dialogue(rows: list[Row[Any]]) -> dict[str, Any]:
    first = rows[0]
    return {
        "chat": first.chat,
        "kind": first.chat_kind,
        "settings": first.settings,
        "seed": first.seed,
        "opened_at": first.opened_at,
        "turns": [
            {
                "speaker": row.speaker,
                "author": row.author,
                "name": row.speaker_name,
                "asked": row.ask,
                "text": row.text,
                "state": row.state,
                "version": row.version,
                "is_dropped": row.dropped_at is not None,
                "at": row.created_at,
            }
            for row in rows
        ],
    }
