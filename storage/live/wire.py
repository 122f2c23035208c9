"""What goes through Redis: JSON with a version, never pickles."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from dialogue.errors import StorageError
from dialogue.turns import (
    Ask,
    Completion,
    Generation,
    Outcome,
    Reply,
    Sampling,
    Speaker,
    StopReason,
    Turn,
)
from storage.records import Asked, Finished

VERSION = 1


class UnreadableRecord(StorageError):
    """Something in Redis is not what this version writes; the text says what was found."""


def encode_asked(asked: Asked) -> str:
    """Write a message for the inbox; the scripts read `id` and `ask` of it."""
    return _dump(
        {
            "id": asked.message_id,
            "ask": asked.ask.value,
            "channel": asked.channel,
            "epoch": asked.epoch,
            "seed": asked.seed,
            "settings": asked.settings,
            "text": _armour(asked.text),
            "after": asked.after,
            "at": asked.at,
        }
    )


def decode_asked(dialogue_id: str, data: str) -> Asked:
    """Read a message of the inbox.

    Raises:
        UnreadableRecord: it is not what this version writes.
    """
    fields = _load(data)
    return Asked(
        message_id=fields["id"],
        channel=fields["channel"],
        dialogue_id=dialogue_id,
        epoch=fields["epoch"],
        seed=fields["seed"],
        settings=fields["settings"],
        ask=Ask(fields["ask"]),
        text=_unarmour(fields["text"]),
        after=fields["after"],
        at=fields["at"],
    )


def encode_turn(turn: Turn, turn_id: str) -> str:
    """Write a turn of the history; the scripts read `id` of it."""
    return _dump({"id": turn_id, "speaker": turn.speaker.value, "text": _armour(turn.text)})


def decode_turn(data: str) -> tuple[Turn, str]:
    """Read a turn of the history and its id.

    Raises:
        UnreadableRecord: it is not what this version writes.
    """
    fields = _load(data)
    return Turn(Speaker(fields["speaker"]), _unarmour(fields["text"])), fields["id"]


def encode_finished(finished: Finished) -> str:
    """Write a reply for the recorder."""
    return _dump(
        {
            "id": finished.reply_id,
            "channel": finished.channel,
            "dialogue": finished.dialogue_id,
            "epoch": finished.epoch,
            "answers": list(finished.message_ids),
            "reply": asdict(finished.reply),
        }
    )


def decode_finished(data: str, ticket: str) -> Finished:
    """Read a reply for the recorder.

    Raises:
        UnreadableRecord: it is not what this version writes.
    """
    fields = _load(data)
    return Finished(
        reply_id=fields["id"],
        channel=fields["channel"],
        dialogue_id=fields["dialogue"],
        epoch=fields["epoch"],
        message_ids=tuple(fields["answers"]),
        reply=_reply(fields["reply"]),
        ticket=ticket,
    )


def _reply(fields: dict[str, Any]) -> Reply:
    return Reply(
        outcome=Outcome(fields["outcome"]),
        ask=Ask(fields["ask"]),
        text=fields["text"],
        turn_text=fields["turn_text"],
        generations=tuple(_generation(each) for each in fields["generations"]),
        result=fields.get("result"),
    )


def _generation(fields: dict[str, Any]) -> Generation:
    completion = fields["completion"]
    return Generation(
        **{
            **fields,
            "sampling": Sampling(**fields["sampling"]),
            "completion": Completion(**{**completion, "stop": StopReason(completion["stop"])}),
        }
    )


def _dump(fields: dict[str, Any]) -> str:
    return json.dumps({"v": VERSION, **fields}, separators=(",", ":"))


def _load(data: str) -> dict[str, Any]:
    try:
        fields: dict[str, Any] = json.loads(data)
    except ValueError as error:
        raise UnreadableRecord(f"not JSON: {data[:80]!r}") from error
    if not isinstance(fields, dict) or fields.get("v") != VERSION:
        raise UnreadableRecord(f"not of version {VERSION}: {data[:80]!r}")
    return fields


# Redis's own JSON reader, which the scripts use, refuses half a surrogate pair; a person can send one. Text therefore
# travels as a JSON string within the JSON.
def _armour(text: str) -> str:
    return json.dumps(text)


def _unarmour(text: str) -> str:
    unarmoured: str = json.loads(text)
    return unarmoured
