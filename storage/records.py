"""The records that storage hands out: values with the ids that `dialogue` does without."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum

from dialogue.turns import Ask, Dialogue, Outcome, Reply, Speaker


def hashed_id(dialogue_id: str) -> str:
    """Return what exports call a dialogue.

    Without a salt: the ids are random numbers of 64 bits, which nobody guesses, and they have to be found again.
    """
    return hashlib.sha256(dialogue_id.encode()).hexdigest()


class ChatKind(StrEnum):
    """How many people a chat has."""

    PRIVATE = "private"
    GROUP = "group"


class Author(StrEnum):
    """Who wrote a turn: the person, the model, an operator in the bot's place, or the seed (its greeting)."""

    PERSON = "person"
    MODEL = "model"
    OPERATOR = "operator"
    SEED = "seed"


class DialogueStatus(StrEnum):
    """Where a dialogue stands with the operators: with the bot, with one of them, put off, or done."""

    PENDING = "pending"
    OPEN = "open"
    SNOOZED = "snoozed"
    RESOLVED = "resolved"


class TurnState(StrEnum):
    """Where a person's turn stands; a bot's turn is always ANSWERED.

    What was put aside is shown, but is no part of a prompt any more: it killed every worker that tried it.
    """

    WAITING = "waiting"
    ANSWERED = "answered"
    CANCELLED = "cancelled"
    FAILED = "failed"
    PUT_ASIDE = "put_aside"


class SendState(StrEnum):
    """Where an outgoing message stands."""

    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who talks to the bot through one channel.

    Args:
        external_id: the channel's own id of the person.
        language: the person's interface language, as the channel names it (`ru`, `en-GB`); may be empty.
    """

    id: int
    channel: str
    external_id: str
    name: str
    language: str


@dataclass(frozen=True, slots=True)
class Chat:
    """A place where people talk to the bot, with its current dialogue.

    Args:
        external_id: the channel's own id of the place.
        seed: the name of the seed of the current dialogue.
        language: the language the bot speaks there, `ru` or `en`.
        settings: what people changed in this chat (`temperature`, `length`, `language`), by name.
        is_active: False once the bot was blocked or removed there.
        epoch: counts the interruptions of the current dialogue; a reply with an older one is not sent.
        last_reply: the id of the last reply recorded in the current dialogue; empty where there is none.
    """

    id: int
    channel: str
    external_id: str
    kind: ChatKind
    language: str
    seed: str
    settings: dict[str, str]
    is_active: bool
    dialogue_id: str
    epoch: int
    last_reply: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A message of a person as it goes into the dialogue's inbox.

    Args:
        message_id: the id of its turn in SQL.
        after: the chat's `last_reply` when it was said: a history without that reply is out of date.
        settings: the chat's settings when it was said, by name.
        at: when it arrived, seconds since the epoch.
    """

    message_id: str
    channel: str
    dialogue_id: str
    epoch: int
    seed: str
    settings: dict[str, str]
    ask: Ask
    text: str
    after: str
    at: float


@dataclass(frozen=True, slots=True)
class ShownTurn:
    """A turn as people see it on a page.

    Args:
        turn_id: its id in SQL.
        version: 1, and one more for each retry.
        state: where a person's turn stands.
        at: when it was said, seconds since the epoch.
    """

    turn_id: str
    speaker: Speaker
    author: Author
    name: str
    text: str
    version: int
    state: TurnState
    at: float


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message that the bot has to send, and how far it got.

    Args:
        language: the language the bot speaks in the chat.
        text: the whole text, before it is split into parts; empty where `outcome` calls for a sentence of its own.
        buttons: rows of (label, data) below the message; empty for none.
        reply_to: the channel's id of the message that this one answers; empty for none.
        turn_id: the turn that it carries; empty for a notice.
        author: who wrote that turn; None for a notice.
        outcome: ANSWERED for a reply and for a notice, else why there is no reply.
        sent_parts: how many parts of the text were sent.
        maybe_duplicate: True where it may have been sent before: the bot died between sending and marking.
    """

    id: int
    channel: str
    chat_id: int
    chat_external_id: str
    chat_kind: ChatKind
    language: str
    dialogue_id: str
    turn_id: str
    text: str
    buttons: tuple[tuple[tuple[str, str], ...], ...] = field(default=())
    reply_to: str = ""
    outcome: Outcome = Outcome.ANSWERED
    state: SendState = SendState.PENDING
    sent_parts: int = 0
    maybe_duplicate: bool = False
    author: Author | None = None


@dataclass(frozen=True, slots=True)
class Finished:
    """A reply as the worker handed it on, with what it answers.

    Args:
        reply_id: made by the worker, the same in Redis and SQL.
        message_ids: the turns that it answers.
        ticket: the storage's own mark, needed to acknowledge it.
    """

    reply_id: str
    channel: str
    dialogue_id: str
    epoch: int
    message_ids: tuple[str, ...]
    reply: Reply
    ticket: str = ""


@dataclass(frozen=True, slots=True)
class LoggedHistory:
    """The kept turns of a dialogue as SQL has them.

    Args:
        turn_ids: for each turn its id in SQL (a person's) or the `reply_id` (a bot's), in the same order.
    """

    dialogue: Dialogue
    turn_ids: tuple[str, ...]
