"""Reads dialogues from the log page by page, each page in one short transaction.

Short, because whoever reads for minutes keeps SQLite from scrubbing what was erased. So what is exported may change, or
be erased, while the rest is still read: `gone` finds that.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Executable, Row, Select, and_, func, select, text

from dialogue.turns import Speaker
from storage.export.talks import NOT_REVIEWED, Draw, Reviewed, Said, Talk
from storage.export.wanted import Wanted
from storage.log.sql import SqlConnection, SqlEngine, transaction, translated
from storage.log.tables import (
    answers,
    audit,
    chats,
    dialogues,
    generations,
    is_spoken_in,
    labels,
    operators,
    people,
    replies,
    thumbs,
    turns,
    verdicts,
)
from storage.records import Author, ChatKind
from storage.reviewed import Approval

PAGE = 200
"""Dialogues of a page: enough that the questions cost little each, few enough for some megabytes of memory."""

_is_approval = and_(audit.c.action == "approval", audit.c.undone_at.is_(None))
_approver = (
    select(audit.c.operator)
    .where(audit.c.dialogue_id == dialogues.c.id, _is_approval)
    .order_by(audit.c.id.desc())
    .limit(1)
    .scalar_subquery()
)

_read_dialogues: Select[Any] = select(
    dialogues.c.id,
    dialogues.c.seed,
    dialogues.c.approval,
    dialogues.c.opened_at,
    dialogues.c.chat_id,
    chats.c.channel,
    chats.c.external_id,
    chats.c.kind,
    chats.c.language,
    chats.c.settings,
).join_from(dialogues, chats)
_turn_columns = (
    *(turns.c.id, turns.c.dialogue_id, turns.c.speaker, turns.c.author, turns.c.person_id, turns.c.speaker_name),
    *(turns.c.ask, turns.c.text, turns.c.state, turns.c.position, turns.c.version, turns.c.replaces),
    *(turns.c.created_at, turns.c.dropped_at, turns.c.reply_id),
)
_reviews = verdicts.outerjoin(operators, operators.c.id == verdicts.c.operator_id)


class TalkReader:
    """Dialogues that are wanted, and what has become of them.

    Args:
        languages: the language of each seed, by name.
        page: how many dialogues are read at once.

    Raises:
        StorageUnavailable: from any method: the database is out of reach or busy.
    """

    def __init__(self, engine: SqlEngine, wanted: Wanted, languages: Mapping[str, str], page: int = PAGE) -> None:
        self._engine, self._page = engine, page
        self._conditions = _conditions(wanted, languages)

    async def count(self) -> int:
        """Return how many dialogues are wanted."""
        (row,) = await self._read(select(func.count()).select_from(dialogues).where(*self._conditions))
        return int(row[0])

    async def pages(self) -> AsyncIterator[list[str]]:
        """Yield the ids of the wanted dialogues, in order, those of a page at a time."""
        statement = select(dialogues.c.id).where(*self._conditions).order_by(dialogues.c.id).limit(self._page)
        after = ""
        while ids := [row.id for row in await self._read(statement.where(dialogues.c.id > after))]:
            yield ids
            after = ids[-1]

    async def read(self, ids: Sequence[str]) -> tuple[list[Talk], int]:
        """Return dialogues as far as they are still wanted, by id, and how many of them nobody may learn from.

        That is where somebody has set `training` to `no` in the chat.
        """
        statement = _read_dialogues.where(*self._conditions, dialogues.c.id.in_(ids)).order_by(dialogues.c.id)
        async with transaction(self._engine) as connection:
            await _see_one_state(connection)
            with translated():
                rows = (await connection.execute(statement)).all()
                consenting = [row for row in rows if row.settings.get("training") != "no"]
                return await _page(connection, consenting) if consenting else [], len(rows) - len(consenting)

    async def gone(self, dialogue_ids: Sequence[str], people_ids: Sequence[int]) -> tuple[int, int]:
        """Return how many of these dialogues are not wanted any more, and how many of these people are not there."""
        still = select(func.count()).select_from(dialogues).where(*self._conditions, dialogues.c.id.in_(dialogue_ids))
        known = select(func.count()).select_from(people).where(people.c.id.in_(people_ids))
        ((wanted,),), ((there,),) = await self._read(still), await self._read(known)
        return len(dialogue_ids) - wanted, len(people_ids) - there

    async def group_members(self) -> list[tuple[int, int, str]]:
        """Return who has spoken in which group: the id of the person, that of the chat, and the chat's name outside."""
        statement = (
            select(turns.c.person_id, chats.c.id, chats.c.channel, chats.c.external_id)
            .join_from(turns, dialogues, dialogues.c.id == turns.c.dialogue_id)
            .join(chats)
            .where(chats.c.kind == ChatKind.GROUP, turns.c.person_id.is_not(None))
            .distinct()
        )
        return [(row.person_id, row.id, f"{row.channel}:{row.external_id}") for row in await self._read(statement)]

    async def _read(self, statement: Executable) -> Sequence[Row[Any]]:
        async with transaction(self._engine) as connection:
            with translated():
                return (await connection.execute(statement)).all()


def _conditions(wanted: Wanted, languages: Mapping[str, str]) -> list[ColumnElement[bool]]:
    approvals = [Approval.APPROVED, *([Approval.NONE] if wanted.is_unreviewed_wanted else [])]
    conditions: list[ColumnElement[bool]] = [is_spoken_in, dialogues.c.approval.in_(approvals)]
    if wanted.seeds:
        conditions.append(dialogues.c.seed.in_(wanted.seeds))
    if wanted.language:
        spoken = [seed for seed, language in languages.items() if language == wanted.language]
        conditions.append(dialogues.c.seed.in_(spoken))
    if wanted.since is not None:
        conditions.append(dialogues.c.last_at >= wanted.since)
    if wanted.until is not None:
        conditions.append(dialogues.c.last_at < wanted.until)
    if wanted.operator:
        conditions += [dialogues.c.approval == Approval.APPROVED, _approver == wanted.operator]
    return conditions


async def _see_one_state(connection: SqlConnection) -> None:
    # SQLite's transactions always do; PostgreSQL's see what others commit meanwhile, unless they say this first.
    if connection.dialect.name == "postgresql":
        with translated():
            await connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))


async def _page(connection: SqlConnection, rows: Sequence[Row[Any]]) -> list[Talk]:
    """Read all that belongs to some dialogues."""
    ids = [row.id for row in rows]

    async def read(statement: Executable) -> Sequence[Row[Any]]:
        return (await connection.execute(statement)).all()

    of_these = turns.c.dialogue_id.in_(ids)
    replies_of_these = replies.c.dialogue_id.in_(ids)
    said = await read(select(*_turn_columns).where(of_these).order_by(turns.c.dialogue_id, turns.c.id))
    replied = {
        row.id: row
        for row in await read(select(replies.c.id, replies.c.ask, replies.c.created_at).where(replies_of_these))
    }
    answered: defaultdict[str, list[int]] = defaultdict(list)
    for row in await read(select(answers).join_from(replies, answers).where(replies_of_these)):
        answered[row.reply_id].append(row.turn_id)
    drawn: dict[str, tuple[Draw, float]] = {}
    draw: Any
    for draw in await read(_draws(replies_of_these)):
        reply_id, *what, took_s = draw
        # The last draw is what the reply was made of; all of them took their time.
        drawn[reply_id] = Draw(*what), drawn.get(reply_id, (None, 0.0))[1] + took_s
    judged = {row.turn_id: _reviewed(row) for row in await read(_judgements(of_these))}
    liked = {(row.turn_id, row.is_up): row.many for row in await read(_thumbs(of_these))}
    approvers = {row.dialogue_id: row.operator for row in await read(_approvals(ids))}
    filed: defaultdict[str, list[str]] = defaultdict(list)
    for row in await read(select(labels).where(labels.c.dialogue_id.in_(ids)).order_by(labels.c.label)):
        filed[row.dialogue_id].append(row.label)

    spoken: defaultdict[str, list[Said]] = defaultdict(list)
    speakers: defaultdict[str, set[int]] = defaultdict(set)
    for row in said:
        spoken[row.dialogue_id].append(_said(row, replied, answered, drawn, judged, liked))
        if row.person_id is not None:
            speakers[row.dialogue_id].add(row.person_id)
    return [
        Talk(
            id=row.id,
            seed=row.seed,
            channel=row.channel,
            kind=row.kind,
            place=row.external_id,
            language=row.language,
            approval=row.approval,
            opened_at=row.opened_at,
            chat_id=row.chat_id,
            said=tuple(spoken[row.id]),
            people=frozenset(speakers[row.id]),
            approver=approvers.get(row.id, "") if row.approval == Approval.APPROVED else "",
            labels=tuple(filed[row.id]),
        )
        for row in rows
    ]


def _draws(of_these: ColumnElement[bool]) -> Select[Any]:
    what = (generations.c.seed, generations.c.seed_hash, generations.c.prompt_hash)
    whose = (generations.c.model, generations.c.revision, generations.c.duration_s)
    return (
        select(generations.c.reply_id, *what, *whose)
        .join_from(replies, generations)
        .where(of_these)
        .order_by(generations.c.id)
    )


def _judgements(of_these: ColumnElement[bool]) -> Select[Any]:
    columns = (verdicts.c.turn_id, verdicts.c.rating, verdicts.c.correction, verdicts.c.reasons, operators.c.name)
    return select(*columns).select_from(turns.join(_reviews, verdicts.c.turn_id == turns.c.id)).where(of_these)


def _thumbs(of_these: ColumnElement[bool]) -> Select[Any]:
    return (
        select(thumbs.c.turn_id, thumbs.c.is_up, func.count().label("many"))
        .join_from(turns, thumbs, thumbs.c.turn_id == turns.c.id)
        .where(of_these)
        .group_by(thumbs.c.turn_id, thumbs.c.is_up)
    )


def _approvals(ids: Sequence[str]) -> Select[Any]:
    return (
        select(audit.c.dialogue_id, audit.c.operator)
        .where(audit.c.dialogue_id.in_(ids), _is_approval)
        .order_by(audit.c.id)  # The last one counts.
    )


def _reviewed(row: Row[Any]) -> Reviewed:
    return Reviewed(row.rating, row.correction, tuple(row.reasons), row.name or "")


def _said(
    row: Any,
    replied: Mapping[str, Row[Any]],
    answered: Mapping[str, Iterable[int]],
    drawn: Mapping[str, tuple[Draw, float]],
    judged: Mapping[int, Reviewed],
    liked: Mapping[tuple[int, bool], int],
) -> Said:
    # Taken apart at once: that is a third faster than column by column, a million times.
    (id, _, speaker, author, _, name, ask, text, state, position, version, replaces, at, dropped_at, reply_id) = row
    review = judged.get(id, NOT_REVIEWED)
    reply = replied.get(reply_id) if reply_id else None
    if reply is None:
        return Said(
            id,
            _SPEAKERS[speaker],
            _AUTHORS[author],
            text,
            name,
            ask,
            position,
            state,
            version,
            replaces,
            at,
            dropped_at,
        )
    draw, took_s = drawn.get(reply_id, _NOT_DRAWN)
    return Said(
        id,
        _SPEAKERS[speaker],
        _AUTHORS[author],
        text,
        name,
        ask,
        position,
        state,
        version,
        replaces,
        at,
        dropped_at,
        reply_id=reply_id,
        asked=reply.ask,
        begun_at=reply.created_at - took_s,
        answers=frozenset(answered.get(reply_id, ())),
        draw=draw,
        reviewed=review,
        ups=liked.get((id, True), 0),
        downs=liked.get((id, False), 0),
    )


# Looked up, not called: that takes a fifth of the time, a million times.
_SPEAKERS: dict[str, Speaker] = {each.value: each for each in Speaker}
_AUTHORS: dict[str, Author] = {each.value: each for each in Author}
_NOT_DRAWN: tuple[None, float] = (None, 0.0)
