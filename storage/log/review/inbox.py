"""The inbox: dialogues filtered, sorted, searched and paged, and the next one that is worth a look."""

from __future__ import annotations

import secrets
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, func, select, tuple_

from dialogue.errors import ReviewError
from storage.log.review.filtering import conditions, is_flagged
from storage.log.review.finding import Finding
from storage.log.review.rows import read_dialogues
from storage.log.tables import dialogues, is_spoken_in, labels, operators
from storage.records import DialogueStatus
from storage.reviewed import Approval, Flag, InboxFilter, InboxPage, Order

PAGE = 50
"""Dialogues on a page; more than fit a screen, few enough to be read in a blink."""


class Inbox(Finding):
    """Dialogues to be found."""

    async def inbox(self, wanted: InboxFilter, after: str = "", limit: int = PAGE) -> InboxPage:
        """Return a page of dialogues that somebody has spoken in.

        Args:
            after: `InboxPage.next` of the page before; empty for the first one.

        Raises:
            ReviewError: `after` is nothing of the kind.
        """
        if wanted.words.strip():
            return await self._found(wanted, after, limit)
        statement = read_dialogues.where(*conditions(wanted, self._clock()))
        rows = (await self._run(_paged(statement, wanted.order, after).limit(limit + 1))).all()
        shown = rows[:limit]
        return InboxPage(await self._shown(shown), _bookmark(shown[-1], wanted.order) if len(rows) > limit else "")

    async def counts(self) -> dict[DialogueStatus, int]:
        """Return how many dialogues have each status."""
        statement = (
            select(dialogues.c.status, func.count().label("many")).where(is_spoken_in).group_by(dialogues.c.status)
        )
        return {DialogueStatus(row.status): row.many for row in await self._run(statement)}

    async def next_to_review(self, how: str, besides: str = "") -> str | None:
        """Return a dialogue that nobody has approved or rejected yet; None if there is none.

        Args:
            how: `newest`, `random`, `unlikeliest`, or a flag.
            besides: the dialogue that one comes from.
        """
        is_undecided = [is_spoken_in, dialogues.c.approval == Approval.NONE, dialogues.c.id != besides]
        statement = select(dialogues.c.id).where(*is_undecided).limit(1)
        if how == "random":
            # Ids are random: the first one behind a random point is a random one.
            point = secrets.token_hex(8)
            behind = statement.where(dialogues.c.id >= point).order_by(dialogues.c.id)
            found = (await self._run(behind)).scalar_one_or_none()
            return found or (await self._run(statement.order_by(dialogues.c.id))).scalar_one_or_none()
        if how == Order.UNLIKELIEST:
            statement = statement.where(dialogues.c.likelihood.is_not(None)).order_by(dialogues.c.likelihood)
        else:
            statement = statement.order_by(dialogues.c.last_at.desc())
        if how in list(Flag):
            statement = statement.where(is_flagged(Flag(how), self._clock()))
        found = (await self._run(statement)).scalar_one_or_none()
        return str(found) if found is not None else None

    async def facets(self) -> dict[str, list[str]]:
        """Return what one can filter by: seeds, models and labels that occur, and the operators."""
        read = {
            "seeds": _distinct(dialogues.c.seed, is_spoken_in),
            "models": _distinct(dialogues.c.model, is_spoken_in),
            "labels": _distinct(labels.c.label),
            "operators": select(operators.c.name).where(operators.c.is_active).order_by(operators.c.name),
        }
        return {name: [value for value in (await self._run(each)).scalars() if value] for name, each in read.items()}

    async def touched_since(self, at: float) -> dict[str, float]:
        """Return the dialogues that have changed since then, at most 1,000, and when they did."""
        statement = (
            select(dialogues.c.id, dialogues.c.touched_at)
            .where(is_spoken_in, dialogues.c.touched_at >= at)
            .order_by(dialogues.c.touched_at.desc())
            .limit(1000)
        )
        return {row.id: row.touched_at for row in await self._run(statement)}


def _paged(statement: Select[Any], order: Order, after: str) -> Select[Any]:
    """Sort, and begin behind the bookmark: a place in the order, not a number of rows, which would shift."""
    is_ascending = order is not Order.NEWEST
    column = dialogues.c.likelihood if order is Order.UNLIKELIEST else dialogues.c.last_at
    if order is Order.UNLIKELIEST:
        statement = statement.where(column.is_not(None))
    if after:
        value, _, id = after.partition("~")
        try:
            at = float(value)
        except ValueError as error:
            raise ReviewError(f"{after!r} is no place in the inbox") from error
        # As one comparison of pairs, so that an index is entered at that place.
        here, place = tuple_(column, dialogues.c.id), tuple_(at, id)
        statement = statement.where(here > place if is_ascending else here < place)
    if is_ascending:
        return statement.order_by(column, dialogues.c.id)
    return statement.order_by(column.desc(), dialogues.c.id.desc())


def _bookmark(row: Row[Any], order: Order) -> str:
    value = row.likelihood if order is Order.UNLIKELIEST else row.last_at
    return f"{value!r}~{row.id}"


def _distinct(column: Any, *where: ColumnElement[bool]) -> Any:
    """Return the values of a column that has few, by leaping from one to the next in its index."""
    first = select(func.min(column).label("value")).where(*where).cte("leap", recursive=True)
    next_value = select(func.min(column)).where(column > first.c.value, *where).scalar_subquery()
    following = select(next_value).where(first.c.value.is_not(None))
    leap = first.union_all(following)
    return select(leap.c.value).where(leap.c.value.is_not(None))
