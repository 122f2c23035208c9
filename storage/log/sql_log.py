"""The log in SQL: what was said, how it came about, and what is still to be done."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import Row, Select, bindparam, select

from dialogue.casting import Promotion
from dialogue.turns import Ask, Dialogue, Speaker, Turn
from storage.log.arrivals import read_pending
from storage.log.outbox import outgoing
from storage.log.personal_data import everything_about
from storage.log.promoting import promotion_of, read_adapter_files, read_promotions
from storage.log.review.reading import Reading
from storage.log.review.waking import is_any_due
from storage.log.scrubbing import scrubbing
from storage.log.sql import Engines, sql_engines, transaction, translated
from storage.log.tables import (
    chats,
    dialogues,
    forgotten,
    is_kept,
    is_open,
    is_unsent,
    is_waiting,
    outbox,
    people,
    promotions,
    turns,
)
from storage.log.versioning import choice_of, read_choices, read_chosen, read_version
from storage.log.waiting import read_waiting, waiting_message
from storage.log.writing import Writing
from storage.records import Asked, Author, LoggedHistory, Outgoing, ShownTurn, TurnState
from storage.reviewed import SeedChoice

_read_history = (
    select(turns.c.id, turns.c.speaker, turns.c.text, turns.c.reply_id)
    .where(
        turns.c.dialogue_id == bindparam("dialogue"),
        is_kept,
        turns.c.position.is_not(None),
        turns.c.state != TurnState.PUT_ASIDE,
    )
    .order_by(turns.c.position)
)

_read_waiting = read_waiting.where(
    chats.c.channel == bindparam("channel"), turns.c.created_at <= bindparam("until")
).limit(bindparam("most"))

# Words only: what was asked for without them is no turn of the transcript.
_read_transcript = (
    select(turns)
    .join_from(turns, dialogues)
    .where(dialogues.c.chat_id == bindparam("chat"), is_open, is_kept, turns.c.ask == Ask.SAY)
    .order_by(turns.c.position.is_(None), turns.c.position, turns.c.id)
)

_read_awaited = (
    select(turns.c.ask)
    .join_from(turns, dialogues)
    .where(dialogues.c.chat_id == bindparam("chat"), is_open, is_waiting)
    .order_by(turns.c.id)
    .limit(1)
)

_read_operator: Any = select(
    (dialogues.c.claimed_until > bindparam("now")).label("is_here"),
    dialogues.c.human_wanted_at.is_not(None).label("is_called"),
).where(dialogues.c.chat_id == bindparam("chat"), is_open)

_read_beginning = select(dialogues.c.chat_id, dialogues.c.opened_at).where(dialogues.c.id == bindparam("dialogue"))

_read_proofs = select(promotions.c.adapter, promotions.c.proof).where(promotions.c.adapter != "")

_read_unsent = (
    select(
        outbox,
        turns.c.author,
        chats.c.id.label("chat_id"),
        chats.c.channel,
        chats.c.external_id.label("chat_external_id"),
        chats.c.kind.label("chat_kind"),
        chats.c.language,
        chats.c.settings,
    )
    .join_from(outbox, dialogues)
    .join(chats)
    .outerjoin(turns, turns.c.id == outbox.c.turn_id)
    .where(is_unsent, chats.c.channel == bindparam("channel"))
    .order_by(outbox.c.id)
    .limit(bindparam("most"))
)

_read_run_out = (
    select(dialogues.c.id)
    .join(chats)
    .where(dialogues.c.claimed_until <= bindparam("now"), chats.c.channel == bindparam("channel"))
)
_read_unheard = (
    select(dialogues.c.id)
    .join(chats)
    .where(dialogues.c.human_wanted_at <= bindparam("before"), chats.c.channel == bindparam("channel"))
)


@asynccontextmanager
async def sql_log(url: str, clock: Callable[[], float] = time.time) -> AsyncIterator[SqlLog]:
    """Open the log at `url` (`sqlite:///path` or `postgresql://...`) and close it at exit.

    Raises:
        StorageUnavailable: the database is out of reach.
        SettingsError: the URL is of another kind.
    """
    async with sql_engines(url) as engines:
        log = SqlLog(engines, clock)
        await log.ping()
        async with scrubbing(engines.writing) as log.erased:
            yield log


class SqlLog:
    """What was said, to be read; and the door to writing.

    Args:
        erased: set after each transaction that erased something.

    Raises:
        StorageUnavailable: from any method: the database is out of reach, busy or full.
    """

    def __init__(self, engines: Engines, clock: Callable[[], float]) -> None:
        self._engines = engines
        self._clock = clock
        self.erased = asyncio.Event()

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Writing]:
        """Open one transaction: committed at exit, rolled back on an error."""
        async with transaction(self._engines.writing) as connection:
            writing = Writing(connection, self._clock)
            yield writing
            await writing.settle()
        if writing.has_erased:
            self.erased.set()

    @asynccontextmanager
    async def reviewing(self) -> AsyncIterator[Reading]:
        """Open one transaction in which operators read."""
        async with transaction(self._engines.reading) as connection:
            yield Reading(connection, self._clock)

    async def history(self, dialogue_id: str) -> LoggedHistory:
        """Return the kept turns of a dialogue in the order of the transcript."""
        rows = await self._rows(_read_history, dialogue=dialogue_id)
        return LoggedHistory(
            Dialogue(tuple(Turn(Speaker(row.speaker), row.text) for row in rows)),
            tuple(row.reply_id or str(row.id) for row in rows),
        )

    async def waiting(self, channel: str, older_than_s: float, limit: int = 500) -> list[Asked]:
        """Return what has waited for an answer of the bot for so long, oldest first."""
        now = self._clock()
        rows = await self._rows(_read_waiting, channel=channel, now=now, until=now - older_than_s, most=limit)
        return [waiting_message(row) for row in rows]

    async def run_out(self, channel: str) -> list[str]:
        """Return the dialogues of a channel that operators have had for longer than they may without a word."""
        return [row.id for row in await self._rows(_read_run_out, channel=channel, now=self._clock())]

    async def unheard(self, channel: str, patience_s: float) -> list[str]:
        """Return the dialogues of a channel in which somebody asked for an operator so long ago, and none came."""
        before = self._clock() - patience_s
        return [row.id for row in await self._rows(_read_unheard, channel=channel, before=before)]

    async def transcript(self, chat_id: int) -> list[ShownTurn]:
        """Return the chat's current dialogue as people see it, waiting turns last."""
        return [
            ShownTurn(
                turn_id=str(row.id),
                speaker=Speaker(row.speaker),
                author=Author(row.author),
                name=row.speaker_name,
                text=row.text,
                version=row.version,
                state=TurnState(row.state),
                at=row.created_at,
            )
            for row in await self._rows(_read_transcript, chat=chat_id)
        ]

    async def awaited(self, chat_id: int) -> Ask | None:
        """Return what the chat waits for first: a reply, another version or more of it; None if for nothing."""
        rows = await self._rows(_read_awaited, chat=chat_id)
        return Ask(rows[0].ask) if rows else None

    async def is_anything_to_wake(self) -> bool:
        """Say whether the time of a snoozed dialogue has come."""
        return bool((await self._rows(is_any_due, now=self._clock()))[0][0])

    async def operator(self, chat_id: int) -> str:
        """Return how an operator stands to the chat: `here`, `called`, or nothing."""
        (row,) = await self._rows(_read_operator, chat=chat_id, now=self._clock())
        return "here" if row.is_here else "called" if row.is_called else ""

    async def unsent(self, channel: str, limit: int = 1000) -> list[Outgoing]:
        """Return what is still to be sent, oldest first; where sending had begun it may be a duplicate."""
        return [outgoing(row) for row in await self._rows(_read_unsent, channel=channel, most=limit)]

    async def pending_updates(self, bot_id: int, limit: int = 500) -> list[tuple[int, str]]:
        """Return (update id, JSON) of updates not handled yet, by update id."""
        return [(row.update_id, row.payload) for row in await self._rows(read_pending, bot=bot_id, most=limit)]

    async def promotions(self) -> list[Promotion]:
        """Return what was promoted and not withdrawn, oldest first."""
        return [promotion_of(row) for row in await self._rows(read_promotions)]

    async def beginning(self, dialogue_id: str) -> tuple[int, float] | None:
        """Return the chat of a dialogue and when it was opened; None where it is gone."""
        rows = await self._rows(_read_beginning, dialogue=dialogue_id)
        return (rows[0].chat_id, rows[0].opened_at) if rows else None

    async def proofs(self) -> dict[str, dict[str, Any]]:
        """Return what showed that the adapters which were ever promoted are better, by adapter."""
        return {row.adapter: row.proof for row in await self._rows(_read_proofs)}

    async def forgotten(self) -> dict[str, float]:
        """Return the hashes of dialogues in which something was erased, and when, seconds since the epoch."""
        return {row.dialogue: row.at for row in await self._rows(select(forgotten))}

    async def adapter_files(self, adapter: str) -> dict[str, bytes]:
        """Return the files of an adapter that was promoted, by name; none where it never was."""
        return {row.name: row.content for row in await self._rows(read_adapter_files, adapter=adapter)}

    async def chosen_seeds(self) -> dict[str, str]:
        """Return which versions of seeds are to be at work in the place of their files, by name."""
        return {row.seed: row.version for row in await self._rows(read_chosen)}

    async def seed_version(self, version: str) -> tuple[str, bytes] | None:
        """Return the name and the file of a version of a seed; None where it is not known."""
        rows = await self._rows(read_version, version=version)
        return (rows[0].seed, rows[0].content) if rows else None

    async def seed_choices(self, seed: str, limit: int = 100) -> list[SeedChoice]:
        """Return what operators chose for a seed, the newest first."""
        return [choice_of(row) for row in await self._rows(read_choices, seed=seed, most=limit)]

    async def everything_about(self, channel: str, external_id: str) -> dict[str, Any]:
        """Return everything that is kept of a person, ready for JSON; empty where nothing is."""
        async with transaction(self._engines.reading) as connection:
            return await everything_about(connection, channel, external_id)

    async def ping(self) -> None:
        """Ask the database for a sign of life.

        Raises:
            StorageUnavailable: there was none.
            StorageError: the tables are missing, or it is no database at all.
        """
        await self._rows(select(people.c.id).limit(1))

    async def _rows(self, statement: Select[Any], **parameters: Any) -> Sequence[Row[Any]]:
        async with transaction(self._engines.reading) as connection:
            with translated():
                result: Sequence[Row[Any]] = (await connection.execute(statement, parameters)).all()
                return result
