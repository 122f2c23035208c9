"""The records that operators are shown: dialogues in the inbox, and transcripts with everything about them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from dialogue.turns import Sampling
from storage.records import Author, DialogueStatus, TurnState


class Approval(StrEnum):
    """Whether a dialogue may be used for training."""

    NONE = ""
    APPROVED = "approved"
    REJECTED = "rejected"


class Rating(StrEnum):
    """What an operator thinks of a turn."""

    NONE = ""
    GOOD = "good"
    BAD = "bad"


class Flag(StrEnum):
    """What makes a dialogue worth a look."""

    RETRIED = "retried"
    DISLIKED = "disliked"
    FAILED = "failed"
    HUMAN = "human"
    CLAIMED = "claimed"


class Order(StrEnum):
    """How the inbox is sorted."""

    NEWEST = "newest"
    OLDEST = "oldest"
    UNLIKELIEST = "unlikeliest"


@dataclass(frozen=True, slots=True)
class InboxFilter:
    """Which dialogues, and in which order; an empty value filters nothing.

    Args:
        approval: `none` for those not decided yet.
        assignee_id: 0 for those that nobody is assigned to.
        words: what was said in them; several words must all be in one turn, "words in quotes" next to each other.
        since, until: when something was said last, seconds since the epoch.
    """

    status: DialogueStatus | None = None
    approval: Approval | None = None
    seed: str = ""
    model: str = ""
    assignee_id: int | None = None
    label: str = ""
    flag: Flag | None = None
    words: str = ""
    since: float | None = None
    until: float | None = None
    order: Order = Order.NEWEST


@dataclass(frozen=True, slots=True)
class Hit:
    """Where words were found.

    Args:
        pieces: the text around, cut where it changes between found and not found; every second piece was found.
    """

    turn_id: int
    pieces: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class InboxRow:
    """A dialogue in the inbox.

    Args:
        person: the name of who spoke last; of a group, of its last speaker.
        last_text: what was said last, `last_author` by whom, at `last_at`.
        to_review: turns of the model that no operator has judged yet, of `replies` in all.
        likelihood: the lowest mean log-probability per token of its replies.
        holder: the operator who has taken it over.
        hit: where the words that were searched for are.
    """

    dialogue_id: str
    channel: str
    seed: str
    model: str
    person: str
    person_id: str
    status: DialogueStatus
    snoozed_until: float | None
    approval: Approval
    assignee: str
    holder: str
    labels: tuple[str, ...]
    flags: tuple[Flag, ...]
    messages: int
    replies: int
    to_review: int
    likelihood: float | None
    last_text: str
    last_author: Author | None
    last_at: float
    is_closed: bool
    hit: Hit | None = None


@dataclass(frozen=True, slots=True)
class InboxPage:
    """Some dialogues.

    Args:
        next: where the page behind this one begins; empty on the last one.
    """

    rows: tuple[InboxRow, ...]
    next: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What operators think of a turn."""

    rating: Rating = Rating.NONE
    correction: str = ""
    reasons: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    note: str = ""
    operator: str = ""


@dataclass(frozen=True, slots=True)
class Draw:
    """One draw of the model: how it came about.

    Args:
        text: as it came out of the model, with whatever was cut off afterwards.
        queued_s, first_token_s, duration_s: seconds from the message to the start, and from there on.
    """

    number: int
    seed: str
    seed_hash: str
    prompt_hash: str
    model: str
    revision: str
    sampling: Sampling
    draw: int
    text: str
    stop: str
    prompt_tokens: int
    reused_tokens: int
    new_tokens: int
    queued_s: float
    first_token_s: float
    duration_s: float
    likelihood: float | None


@dataclass(frozen=True, slots=True)
class ReviewedTurn:
    """A turn with everything that is known of it.

    Args:
        is_shown: False for what people do not see: older versions, what was taken back, late replies, drafts.
        replaces: the turn of which this is another version.
        reply_id: by which its draws are found; empty for a person's turn.
        delivery: where the message stands that carries it: empty for none, else `pending`, `sending`, `sent`, `failed`.
        is_maybe_duplicate: whether it may have been sent twice.
        thumbs_up, thumbs_down: how many people think so.
        outcome: why there is no reply to this message; empty where there is one, or none was tried.
    """

    id: int
    author: Author
    name: str
    text: str
    ask: str
    version: int
    state: TurnState
    at: float
    is_shown: bool
    replaces: int | None
    reply_id: str
    verdict: Verdict
    delivery: str = ""
    is_maybe_duplicate: bool = False
    thumbs_up: int = 0
    thumbs_down: int = 0
    likelihood: float | None = None
    outcome: str = ""


@dataclass(frozen=True, slots=True)
class Note:
    """What an operator told the others about a dialogue."""

    id: int
    operator: str
    text: str
    at: float


@dataclass(frozen=True, slots=True)
class WaitingWords:
    """A message that waits for an answer, and how its chat is set."""

    text: str
    seed: str
    settings: dict[str, str]


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that an operator did.

    Args:
        before, after: None where it has no value, or where the person was forgotten.
        turn_id: None where it concerns no turn.
    """

    id: int
    at: float
    operator: str
    action: str
    dialogue_id: str
    turn_id: int | None
    before: Any
    after: Any
    is_undone: bool


@dataclass(frozen=True, slots=True)
class ReviewedDialogue:
    """A dialogue with everything that operators may want to know.

    Args:
        row: as in the inbox.
        turns: as they were said; what people do not see stands where it was said.
        claimed_until: when it goes back to the bot if its operator does not write, seconds since the epoch.
        touched_at: when it changed last: of any two readings with the same value both are the same.
    """

    row: InboxRow
    turns: tuple[ReviewedTurn, ...]
    notes: tuple[Note, ...]
    deeds: tuple[Deed, ...]
    claimed_by: int | None
    claimed_until: float | None
    assignee_id: int | None
    touched_at: float


@dataclass(frozen=True, slots=True)
class SeedChoice:
    """A version of a seed that was put to work.

    Args:
        version: empty for what the seed's file has.
        content: the version's file; empty where that is all that is known.
        at: seconds since the epoch.
    """

    id: int
    version: str
    content: bytes
    operator: str
    note: str
    at: float
