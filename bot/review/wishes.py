"""What the API takes: the shapes of its parameters and bodies, with their limits."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Path, Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from dialogue.choices import CHOICES
from storage.live.keys import HISTORY_TURNS
from storage.log.review.changes import Change
from storage.records import DialogueStatus
from storage.reviewed import Approval, Flag, Order, Rating

# PostgreSQL takes no NUL.
_CLEAN = r"^[^\x00]*$"
_LARGEST_ID = 2**63 - 1
_LATEST = 1e11

Name = Annotated[str, StringConstraints(max_length=200, pattern=_CLEAN)]
Text = Annotated[str, StringConstraints(max_length=20_000)]
Label = Annotated[str, StringConstraints(min_length=1, max_length=60, strip_whitespace=True)]
Labels = Annotated[list[Label], Field(max_length=30)]
Moment = Annotated[float, Field(ge=0, le=_LATEST, allow_inf_nan=False, description="Seconds since the epoch.")]
DialogueId = Annotated[str, Path(pattern=r"^[0-9a-f]{1,32}$", description="A dialogue.")]
TurnId = Annotated[int, Path(ge=0, le=_LARGEST_ID, description="A turn of the dialogue.")]


def _one_of(setting: str) -> str:
    return f"^({'|'.join(CHOICES[setting])})$"


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class InboxWish(BaseModel):
    """Which dialogues, in which order, from where on."""

    model_config = ConfigDict(extra="forbid")

    status: DialogueStatus | Literal[""] = ""
    approval: Literal["", "none", "approved", "rejected"] = Field("", description="`none`: not decided yet.")
    seed: Name = ""
    model: Name = ""
    assignee: Name = Field("", description="An operator's name, `me`, or `nobody`.")
    label: Name = ""
    flag: Flag | Literal[""] = ""
    q: Annotated[str, StringConstraints(max_length=300)] = Field(
        "", description='Words, all of which are in one turn; "in quotes" next to each other.'
    )
    since: Moment | Literal[""] = ""
    until: Moment | Literal[""] = ""
    order: Order = Order.NEWEST
    after: Annotated[str, StringConstraints(pattern=r"^(|\d{1,18}|-?\d+(\.\d+)?(e[+-]?\d+)?~[0-9a-f]{1,32})$")] = Field(
        "", description="`next` of the page before."
    )


class DialogueChange(_Body):
    """New values of fields of a dialogue; what is not named stays."""

    status: DialogueStatus | None = None
    snoozed_until: Moment | None = None
    approval: Approval | None = None
    assignee: Name | None = Field(None, description="An operator's name; empty for nobody.")
    labels: Labels | None = None


class TurnChange(_Body):
    """New values of fields of a turn's verdict; what is not named stays."""

    rating: Rating | None = None
    correction: Text | None = Field(None, description="How it should have read; empty for no correction.")
    reasons: Labels | None = None
    labels: Labels | None = None
    note: Text | None = None

    def changes(self, dialogue_id: str, turn_id: int) -> list[Change]:
        """Return the changes of the fields that are named."""
        return [
            Change(dialogue_id, name, _plain(getattr(self, name)), turn_id)
            for name in type(self).model_fields
            if getattr(self, name) is not None
        ]


class BulkChange(_Body):
    """The same change of many dialogues."""

    dialogues: Annotated[list[Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{1,32}$")]], Field(max_length=500)]
    change: DialogueChange


class NoteWish(_Body):
    """A note for the other operators."""

    text: Annotated[str, StringConstraints(min_length=1, max_length=20_000)]


class MessageWish(_Body):
    """What the operator says in the bot's place."""

    text: Annotated[str, StringConstraints(min_length=1, max_length=16_000)]
    draft: Annotated[int, Field(ge=0, le=_LARGEST_ID)] | None = Field(
        None, description="The turn that the model proposed and this was made out of."
    )


class UndoWish(_Body):
    """What is to be taken back: `undo` of the answer to a change."""

    undo: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{1,64}$")]


class Said(_Body):
    """A turn that was said before."""

    speaker: Literal["person", "bot"]
    text: Text


class Manner(_Body):
    """How an answer is written, as people may choose it for a chat."""

    temperature: Annotated[str, StringConstraints(pattern=_one_of("temperature"))] | None = None
    length: Annotated[str, StringConstraints(pattern=_one_of("length"))] | None = None


class AskWish(_Body):
    """A question for a seed."""

    seed: Name
    text: Text
    settings: Manner = Manner()
    turns: Annotated[list[Said], Field(max_length=HISTORY_TURNS)] | None = Field(
        None, description="What was said before, for seeds of the kind `dialogue`; by default the seed's greeting."
    )


class DraftWish(_Body):
    """A draft of a seed."""

    content: Annotated[str, StringConstraints(max_length=40_000)] = Field(description="The seed's file.")


class VersionWish(DraftWish):
    """A version of a seed that is to be at work."""

    note: Annotated[str, StringConstraints(max_length=200)] = Field("", description="What was changed, and why.")
    follows: Annotated[int, Field(ge=0, le=_LARGEST_ID)] = Field(
        description="The last choice that you know of, as the page says; 0 where there was none."
    )


class TokenWish(_Body):
    """A token for a program."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=100)]


class PasswordWish(_Body):
    """Another password."""

    current: Annotated[str, StringConstraints(max_length=1024)]
    new: Annotated[str, StringConstraints(max_length=1024)]


class Done(BaseModel):
    """That a change was made."""

    undo: str = Field(description="Takes it back, through POST /undo; empty where everything was so already.")


def dialogue_changes(wish: DialogueChange, dialogue_id: str, assignee_id: int | None) -> list[Change]:
    """Return the changes of the fields that are named.

    Args:
        assignee_id: of the operator named in the wish; None for nobody.
    """
    named = {name for name in type(wish).model_fields if getattr(wish, name) is not None}
    values: dict[str, Any] = {name: _plain(getattr(wish, name)) for name in named - {"assignee"}}
    if "assignee" in named:
        values["assignee_id"] = assignee_id
    if "status" in values and values["status"] != DialogueStatus.SNOOZED:
        values["snoozed_until"] = None
    return [Change(dialogue_id, name, value) for name, value in values.items()]


def _plain(value: Any) -> Any:
    """Return labels in one order, each once, and names of choices as strings: as the log keeps and compares them."""
    if isinstance(value, list):
        return sorted(set(value))
    return str(value) if isinstance(value, str) else value


Since = Annotated[Moment | None, Query()]
