"""Dialogues as an export reads them: everything that was said, kept or not, with what people thought of it."""

from __future__ import annotations

from dataclasses import dataclass

from dialogue.turns import Speaker
from storage.records import Author, TurnState


@dataclass(frozen=True, slots=True)
class Draw:
    """The draw that a reply was made of."""

    seed: str
    seed_hash: str
    prompt_hash: str
    model: str
    revision: str


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What operators thought of a reply."""

    rating: str = ""
    correction: str = ""
    reasons: tuple[str, ...] = ()
    operator: str = ""


NOT_REVIEWED = Reviewed()


@dataclass(frozen=True, slots=True)
class Said:
    """One turn, one version of it, or one draft; what the table `turns` has is called as it is there.

    Args:
        position: the place in the transcript; None for what has no words, for late replies and for drafts.
        state: where a person's turn stands; see `storage.records.TurnState`.
        asked: what the reply answers: `say`, `retry` or `continue`; empty for a person's turn.
        begun_at: when the model began to write the reply, seconds since the epoch; 0 for a person's turn.
        answers: the ids of the turns that the reply answers.
        draw: None for what no model wrote.
        ups, downs: how many people's thumbs.
    """

    id: int
    speaker: Speaker
    author: Author
    text: str
    name: str
    ask: str
    position: int | None
    state: str
    version: int
    replaces: int | None
    created_at: float
    dropped_at: float | None
    reply_id: str | None = None
    asked: str = ""
    begun_at: float = 0.0
    answers: frozenset[int] = frozenset()
    draw: Draw | None = None
    reviewed: Reviewed = NOT_REVIEWED
    ups: int = 0
    downs: int = 0

    @property
    def is_kept(self) -> bool:
        """Whether it stands in the transcript."""
        return self.dropped_at is None and self.position is not None and self.state != TurnState.PUT_ASIDE


@dataclass(frozen=True, slots=True)
class Talk:
    """One dialogue.

    Args:
        said: all turns in the order of their ids.
        people: the ids of who spoke.
        approver: who has approved it; empty where nobody did.
        are_names_known: whether the turns have the names of who said them.
    """

    id: str
    seed: str
    channel: str
    kind: str
    place: str
    language: str
    approval: str
    opened_at: float
    chat_id: int
    said: tuple[Said, ...]
    people: frozenset[int] = frozenset()
    approver: str = ""
    labels: tuple[str, ...] = ()
    are_names_known: bool = True

    @property
    def answers(self) -> dict[str | None, frozenset[int]]:
        """The ids of the turns that each reply answers, by its id."""
        return {each.reply_id: each.answers for each in self.said if each.answers}

    @property
    def kept(self) -> list[Said]:
        """The turns of the transcript, in order."""
        return sorted((each for each in self.said if each.is_kept), key=lambda each: each.position or 0)
