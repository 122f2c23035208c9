"""Dialogues in which certain words were said, page by page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, select

from dialogue.errors import ReviewError
from storage.log.review.filtering import conditions
from storage.log.review.rows import Rows, read_dialogues
from storage.log.review.search import Question, Search
from storage.log.review.words import Term, excerpt, terms
from storage.log.tables import dialogues, turns
from storage.reviewed import Hit, InboxFilter, InboxPage, InboxRow, Order

# A dialogue may have many hits and is shown once, so more are read than a page has dialogues; but not for ever.
_HITS = 300
_MOST_ROUNDS = 5

# Of the largest id, in decimal digits.
_LONGEST_ID = 18

_read_texts = select(turns.c.id, turns.c.text)


@dataclass(frozen=True, slots=True)
class _Span:
    """What the pages before have gone through.

    Args:
        first, last: the ids of the first and of the last hit.
    """

    first: int
    last: int

    @staticmethod
    def read(after: str) -> _Span | None:
        """Return the span of a bookmark; None for the first page.

        Raises:
            ReviewError: it is no bookmark.
        """
        if not after:
            return None
        first, _, last = after.partition("~")
        if not (first.isdecimal() and last.isdecimal() and max(len(first), len(last)) <= _LONGEST_ID):
            raise ReviewError(f"{after!r} is no place in the inbox")
        return _Span(int(first), int(last))

    def __str__(self) -> str:
        return f"{self.first}~{self.last}"


class Finding(Rows, Search):
    """Dialogues, found by their words."""

    async def _found(self, wanted: InboxFilter, after: str, limit: int) -> InboxPage:
        """Return the dialogues of the newest or the oldest hits, each on one page."""
        words = terms(wanted.words)
        if not words:
            return InboxPage(())
        question = await self._question(words, conditions(wanted, self._clock()))
        is_ascending = wanted.order is Order.OLDEST
        before = span = _Span.read(after)
        nearest: dict[str, int] = {}
        for _ in range(_MOST_ROUNDS):
            hits, is_end = await self._hits(question, span.last if span else None, is_ascending, limit)
            elsewhere = await self._shown_before(question, before, {hit.dialogue_id for hit in hits} - nearest.keys())
            for hit in hits:
                if hit.dialogue_id not in nearest and hit.dialogue_id not in elsewhere:
                    if len(nearest) == limit:
                        return InboxPage(await self._excerpted(nearest, words), str(span))
                    nearest[hit.dialogue_id] = hit.id
                span = _Span(span.first if span else hit.id, hit.id)
            if is_end:
                return InboxPage(await self._excerpted(nearest, words))
        return InboxPage(await self._excerpted(nearest, words), str(span))

    async def _hits(
        self, question: Question, last: int | None, is_ascending: bool, limit: int
    ) -> tuple[Sequence[Row[Any]], bool]:
        """Return hits behind `last`, of more dialogues than the limit if there are, and whether no more follow."""
        hits: Sequence[Row[Any]] = ()
        *nearby, everywhere = question.in_order(last, is_ascending)
        for statement in nearby:
            hits = (await self._run(statement.limit(_HITS), question.parameters)).all()
            if len(hits) == _HITS or len({hit.dialogue_id for hit in hits}) > limit:
                return hits, False
        hits = (await self._run(everywhere.limit(_HITS), question.parameters)).all()
        return hits, len(hits) < _HITS

    async def _shown_before(self, question: Question, span: _Span | None, dialogue_ids: set[str]) -> set[str]:
        """Return which of these dialogues were on one of the pages before."""
        if span is None or not dialogue_ids:
            return set()
        low, high = sorted((span.first, span.last))
        theirs = self._among(question, dialogue_ids)
        # PostgreSQL has an index by dialogue and id, FTS5 its own ids.
        statement = theirs.statement.where(turns.c.id.between(low, high), theirs.place.between(low, high))
        return {hit.dialogue_id for hit in await self._run(statement, theirs.parameters)}

    async def _excerpted(self, nearest: dict[str, int], words: tuple[Term, ...]) -> tuple[InboxRow, ...]:
        texts = {row.id: row.text for row in await self._run(_read_texts.where(turns.c.id.in_(nearest.values())))}
        rows = {row.id: row for row in await self._run(read_dialogues.where(dialogues.c.id.in_(nearest)))}
        hits = {id: Hit(turn_id, excerpt(texts[turn_id], words)) for id, turn_id in nearest.items() if turn_id in texts}
        return await self._shown([rows[id] for id in nearest if id in rows], hits)
