"""Full-text search in Russian and English: FTS5 of SQLite, `tsvector` of PostgreSQL.

PostgreSQL stems the words of the texts itself, and takes ё for е as most people do. FTS5 has no stemmer for Russian, so
there each word is looked for in all forms that occur.

The first hits of an order are wanted, and few of them. FTS5 has the turns of each word in their order; the index of
PostgreSQL has not. So that is asked only for what is rare, and what is frequent is found by going through the turns.
Which is which turns out by trying: the planner could only guess.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Select,
    String,
    Subquery,
    Table,
    any_,
    bindparam,
    column,
    func,
    literal_column,
    select,
    table,
    text,
)

from dialogue.turns import Ask
from storage.log.review.words import WORD, Term, fold, stem
from storage.log.safe_text import escape
from storage.log.tables import dialogues, turns
from storage.log.transaction import Transaction

# A shorter beginning is that of too many words: these are looked for as they are typed, or without an ending.
_SHORTEST_STEM = 3

# Where so few dialogues are wanted, their turns are looked through rather than all that have the words.
_FEW = 5000

# To go through these takes PostgreSQL as long as 10,000 hits of its index do, and of what is not found 300 times here
# there are fewer among a million turns.
_NEARBY = 30_000

_turn_words = table("turn_words", column("rowid"))
_vocabulary = table("turn_words_vocabulary", column("term"))
_read_forms = select(_vocabulary.c.term).where(
    _vocabulary.c.term >= bindparam("first"), _vocabulary.c.term <= bindparam("last")
)

# What is best depends on the words, which a plan made once for all does not know.
_plan_anew = text("SET LOCAL plan_cache_mode = force_custom_plan")

_said = select(turns.c.id, turns.c.dialogue_id).where(turns.c.ask == Ask.SAY)
_found_by_sqlite = _said.join_from(turns, _turn_words, _turn_words.c.rowid == turns.c.id).where(
    literal_column("turn_words").op("MATCH")(bindparam("words"))
)
# The column `words` is the database's own, made with that configuration.
_asked = func.websearch_to_tsquery(literal_column("'govorun'"), bindparam("words"))
_words: ColumnElement[Any] = literal_column("turns.words").label("words")

_ids: Select[Any] = select(literal_column("value")).select_from(func.json_each(bindparam("dialogues")))
_turns_in = select(turns.c.id).where(turns.c.dialogue_id.in_(_ids))
_few_ids = bindparam("dialogues", type_=ARRAY(String))


@dataclass(frozen=True, slots=True)
class Question:
    """How turns are found that have words.

    Args:
        statement: reads `id` and `dialogue_id` of all of them.
        place: what they are sorted by, the later the greater.
        nearby: makes the same statement for a part of `turns`; None where nothing is gained by looking there first.
    """

    statement: Select[Any]
    parameters: dict[str, Any]
    place: ColumnElement[int]
    nearby: Callable[[Subquery], Select[Any]] | None = None

    def in_order(self, last: int | None, is_ascending: bool) -> list[Select[Any]]:
        """Return statements that read the hits behind `last` in order; where one finds few, the next finds all."""
        everywhere = _in_order(self.statement, self.place, last, is_ascending)
        if self.nearby is None:
            return [everywhere]
        part = _in_order(_said.add_columns(_words), turns.c.id, last, is_ascending).limit(_NEARBY).subquery("nearby")
        return [_in_order(self.nearby(part), part.c.id, None, is_ascending), everywhere]


class Search(Transaction):
    """Turns, found by their words."""

    async def _question(self, wanted: Iterable[Term], where: Sequence[ColumnElement[bool]]) -> Question:
        """Return how the turns with all of these words are found, in dialogues for which all conditions are true."""
        few = await self._few(where) if len(where) > 1 else None
        if self._connection.dialect.name == "sqlite":
            words = " AND ".join([f"({' OR '.join(await self._forms(term))})" for term in wanted])
            return _question_to_sqlite(words, where, few)
        await self._run(_plan_anew)
        words = " ".join(f'"{escape(term.text)}"' for term in wanted)
        return _question_to_postgresql(words, where, few)

    def _among(self, question: Question, dialogue_ids: Iterable[str]) -> Question:
        """Return how the turns with the same words are found in these dialogues."""
        ask = _question_to_sqlite if self._connection.dialect.name == "sqlite" else _question_to_postgresql
        return ask(question.parameters["words"], (), list(dialogue_ids))

    async def _few(self, where: Sequence[ColumnElement[bool]]) -> list[str] | None:
        """Return the ids of the dialogues that are wanted; None where these are many."""
        ids = list((await self._run(select(dialogues.c.id).where(*where).limit(_FEW + 1))).scalars())
        return ids if len(ids) <= _FEW else None

    async def _forms(self, term: Term) -> list[str]:
        """Return all that a term may look like in the index, in quotes."""
        word, *others = [fold(each) for each in WORD.findall(escape(term.text))]
        wanted = stem(word)
        # A stem may end in a letter that the word does not have: happi, of happy.
        first = _beginning(word, wanted)
        if others:
            return [f'"{" ".join([word, *others])}"']
        if len(first) < _SHORTEST_STEM:
            return [f'"{word}"', f'"{wanted}"']
        used = (await self._run(_read_forms, {"first": first, "last": first + "\U0010ffff"})).scalars()
        return [f'"{form}"' for form in used if stem(form) == wanted] or [f'"{word}"']


def _question_to_sqlite(words: str, where: Sequence[ColumnElement[bool]], few: list[str] | None) -> Question:
    place: ColumnElement[int] = _turn_words.c.rowid
    if few is None:
        statement = _found_by_sqlite.join(dialogues, dialogues.c.id == turns.c.dialogue_id).where(*where)
        return Question(statement, {"words": words}, place)
    # The sign has SQLite look the words up once, not for each turn.
    statement = _found_by_sqlite.where(literal_column("+turn_words.rowid").in_(_turns_in))
    return Question(statement, {"words": words, "dialogues": json.dumps(few)}, place)


def _question_to_postgresql(words: str, where: Sequence[ColumnElement[bool]], few: list[str] | None) -> Question:
    def found(part: Table | Subquery, its_words: ColumnElement[Any]) -> Select[Any]:
        statement = select(part.c.id, part.c.dialogue_id).where(its_words.op("@@")(_asked))
        if few is None:
            return statement.join(dialogues, dialogues.c.id == part.c.dialogue_id).where(*where)
        return statement.where(part.c.dialogue_id == any_(_few_ids))

    return Question(
        found(turns, _words).where(turns.c.ask == Ask.SAY),
        {"words": words} if few is None else {"words": words, "dialogues": few},
        # The sum keeps PostgreSQL from going through all turns in their order until it has found enough.
        turns.c.id + literal_column("0"),
        lambda part: found(part, part.c.words),
    )


def _in_order(statement: Select[Any], place: ColumnElement[int], last: int | None, is_ascending: bool) -> Select[Any]:
    if last is not None:
        statement = statement.where(place > last if is_ascending else place < last)
    return statement.order_by(place if is_ascending else place.desc())


def _beginning(word: str, other: str) -> str:
    """Return what two words begin with."""
    same = takewhile(lambda pair: pair[0] == pair[1], zip(word, other, strict=False))
    return "".join(letter for letter, _ in same)
