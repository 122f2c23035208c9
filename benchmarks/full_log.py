"""A log full of dialogues, as months of work leave it: times, models, decisions, and what the inbox shows of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import TypeVar

from benchmarks.bulk import Batch, NewRows, Row
from benchmarks.exchanges import Exchanges
from benchmarks.support_talk import LANGUAGES, Talk
from dialogue.seeds import load_seeds
from storage.log.places import new_dialogue_row
from storage.log.tables import (
    answers,
    audit,
    chats,
    dialogues,
    generations,
    labels,
    notes,
    outbox,
    outbox_parts,
    people,
    replies,
    thumbs,
    turns,
    verdicts,
)
from storage.operators import Operator
from storage.records import ChatKind, DialogueStatus, Person
from storage.reviewed import Approval

Choice = TypeVar("Choice")

DAYS = 90
MODELS = ("gemma-3-270m", "qwen2.5-1.5b", "rugpt3large")
SEEDS = {"ru": ("isp-support-ru", "small-talk-ru"), "en": ("isp-support-en", "small-talk-en")}
LABELS = tuple(f"{what} {number}" for what in ("billing", "line", "router") for number in range(1, 11))

_TABLES = (
    *(people, chats, dialogues, replies, turns, answers, generations, outbox, outbox_parts),
    *(labels, notes, verdicts, thumbs, audit),
)
_DAY_S = 24 * 3600.0
# The last dialogues of a day go on for a while.
_WORKING_S = 23 * 3600.0
# Everybody comes back a few times.
_CHATS_PER_DIALOGUE = 0.25
# How common things are: each of them is to be found, and most are rare.
_WEB, _SMALL_TALK = 0.2, 0.15
_STATUSES = dict(zip(DialogueStatus, (60, 10, 2, 28), strict=True))
_APPROVALS = dict(zip(Approval, (70, 20, 10), strict=True))
_ASSIGNED, _CLAIMED, _HUMAN_WANTED, _LABELLED, _NOTED = 0.1, 0.001, 0.003, 0.1, 0.03


class FullLog:
    """Makes the rows of a log that has nothing but operators in it; the same ones for the same arguments.

    Args:
        many: how many dialogues.
        length: turns of each, every other one the model's; what was replaced comes on top.
        now: when the last dialogues are, seconds since the epoch.
        operators: who has decided things; one at least.
    """

    def __init__(self, many: int, length: int, now: float, operators: Sequence[Operator], seed: int = 1) -> None:
        self._many, self._length, self._now, self._operators = many, length, now, operators
        self._random = Random(seed)
        self._rows = NewRows(_TABLES)
        self._seeds = load_seeds()
        self._talks = {language: Talk(language, self._random) for language in LANGUAGES}
        self._people: list[Person] = []

    def batches(self) -> Iterator[Batch]:
        """Yield all rows in the order in which they can be inserted: the people, then day by day."""
        for number in range(max(1, int(self._many * _CHATS_PER_DIALOGUE))):
            self._people.append(self._person(number))
        yield self._rows.taken_out()
        for day in range(DAYS):
            self._add_day(range(self._many * day // DAYS, self._many * (day + 1) // DAYS), DAYS - day)
            yield self._rows.taken_out()

    def _person(self, number: int) -> Person:
        channel = "web" if self._is_so(_WEB) else "telegram"
        language = self._random.choice(LANGUAGES)
        place = {"channel": channel, "external_id": str(10**9 + number), "language": language}
        row = self._rows.add(people, place, name=f"Person {number + 1}", created_at=self._now - DAYS * _DAY_S)
        kind = {"kind": ChatKind.PRIVATE, "settings": {}, "is_active": True, "created_at": row["created_at"]}
        self._rows.add(chats, place, kind)
        return Person(**{name: row[name] for name in ("id", "channel", "external_id", "name", "language")})

    def _add_day(self, numbers: range, days_ago: int) -> None:
        exchanges = Exchanges(self._rows, self._operators, self._seeds, self._random)
        moments = []
        for number in numbers:
            dialogue = self._dialogue(number, self._now - days_ago * _DAY_S + self._random.random() * _WORKING_S)
            at = dialogue["opened_at"]
            for _ in range(self._length // 2):
                at += self._random.uniform(10, 600)
                moments.append((min(at, self._now), number, dialogue))
        # Dialogues go on at the same time, so their turns lie between each other.
        for at, number, dialogue in sorted(moments, key=lambda moment: moment[:2]):
            person = self._people[number % len(self._people)]
            exchanges.add(dialogue, person, self._talks[person.language], at)
        for dialogue in self._rows.rows(dialogues):
            self._decide(dialogue, exchanges)

    def _dialogue(self, number: int, at: float) -> Row:
        person = self._people[number % len(self._people)]
        seed = SEEDS[person.language][self._is_so(_SMALL_TALK)]
        return self._rows.add(
            dialogues,
            new_dialogue_row(person.id, seed, 0, at),
            dict.fromkeys(("messages", "retries", "failures", "dislikes"), 0),
            id=self._random.randbytes(8).hex(),
            closed_at=at + _DAY_S if number < self._many - len(self._people) else None,
            likelihood=None,
            model=self._random.choice(MODELS),
            status=self._one_of(_STATUSES),
            approval=self._one_of(_APPROVALS),
        )

    def _decide(self, dialogue: Row, exchanges: Exchanges) -> None:
        at, operator = dialogue["last_at"] + 600, self._random.choice(self._operators)
        if dialogue["approval"]:
            exchanges.note_deed(operator, at, "approval", dialogue, None, dialogue["approval"])
        if dialogue["status"] == DialogueStatus.SNOOZED:
            dialogue["snoozed_until"] = self._now + _DAY_S
        if self._is_so(_ASSIGNED):
            dialogue["assignee_id"] = operator.id
        if self._is_so(_CLAIMED):
            dialogue["claimed_by"], dialogue["claimed_until"] = operator.id, self._now + _DAY_S
        if self._is_so(_HUMAN_WANTED):
            dialogue["human_wanted_at"] = at
        if self._is_so(_LABELLED):
            for label in self._random.sample(LABELS, self._random.randint(1, 3)):
                self._rows.add(labels, dialogue_id=dialogue["id"], label=label)
        if self._is_so(_NOTED):
            note = {"dialogue_id": dialogue["id"], "operator_id": operator.id, "text": "Call back.", "created_at": at}
            self._rows.add(notes, note)

    def _is_so(self, share: float) -> bool:
        return self._random.random() < share

    def _one_of(self, weights: Mapping[Choice, int]) -> Choice:
        return self._random.choices(list(weights), list(weights.values()))[0]
