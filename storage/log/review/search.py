"""Full-text search in Russian and English: FTS5 of SQLite, `tsvector` of PostgreSQL.

PostgreSQL stems the words of the texts itself, and takes ё for е as most people do. FTS5 has no stemmer for Russian, so there each word is looked for in all
forms that occur.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Select,
    String,
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
_found_by_postgresql = _said.where(literal_column("turns.words").op("@@")(_asked))

_ids: Select[Any] = select(literal_column("value")).select_from(func.json_each(bindparam("dialogues")))
_turns_in = select(turns.c.id).where(turns.c.dialogue_id.in_(_ids))
_is_in = turns.c.dialogue_id == any_(bindparam("dialogues", type_=ARRAY(String)))


@dataclass(frozen=True, slots=True)
class Question:
    """How turns are found that have words.

    Args:
        place: what they are sorted by, the later the greater.
    """

    statement: Select[Any]
    parameters: dict[str, Any]
    place: ColumnElement[int]


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
    if few is None:
        statement = _found_by_postgresql.join(dialogues, dialogues.c.id == turns.c.dialogue_id).where(*where)
        return Question(statement, {"words": words}, turns.c.id)
    # The sum keeps PostgreSQL from going through all turns in their order until it has found enough.
    statement = _found_by_postgresql.where(_is_in)
    return Question(statement, {"words": words, "dialogues": few}, turns.c.id + literal_column("0"))


def _beginning(word: str, other: str) -> str:
    """Return what two words begin with."""
    same = takewhile(lambda pair: pair[0] == pair[1], zip(word, other, strict=False))
    return "".join(letter for letter, _ in same)
