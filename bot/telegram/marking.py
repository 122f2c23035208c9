"""Writes down how far outgoing messages got: one transaction for all that came up while the last one was written."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

from dialogue.errors import StorageUnavailable
from storage.log.sql_log import SqlLog
from storage.log.writing import Writing

logger = logging.getLogger(__name__)

_PAUSE_S = 0.5


@dataclass(slots=True)
class Marks:
    """What is to be written down together.

    Args:
        is_due: once it is written, those of `sending` that are still to be sent.
    """

    sending: list[int] = field(default_factory=list)
    unsent: list[int] = field(default_factory=list)
    parts: list[tuple[int, int, str]] = field(default_factory=list)
    sent: list[tuple[int, int, Sequence[str]]] = field(default_factory=list)
    failed: list[tuple[int, str]] = field(default_factory=list)
    unreachable: list[int] = field(default_factory=list)
    moved: list[tuple[str, str]] = field(default_factory=list)
    is_due: set[int] = field(default_factory=set)
    is_written: asyncio.Event = field(default_factory=asyncio.Event)


class Marking:
    """Keeps the outbox up to date; each method returns once its mark is committed."""

    def __init__(self, log: SqlLog, channel: str) -> None:
        self._log, self._channel = log, channel
        self._next = Marks()
        self._is_needed = asyncio.Event()

    async def run(self) -> None:
        """Write until cancelled, through failures of SQL."""
        while True:
            await self._is_needed.wait()
            self._is_needed.clear()
            marks, self._next = self._next, Marks()
            await self._write_surely(marks)
            marks.is_written.set()

    async def sending(self, id: int) -> bool:
        """Note that a message is about to be sent; False where it is not to be sent any more."""
        self._next.sending.append(id)
        return id in (await self._written()).is_due

    async def unsent(self, id: int) -> None:
        """Note that a message is certainly not sent: Telegram wants to be asked again later."""
        self._next.unsent.append(id)
        await self._written()

    async def part_sent(self, id: int, parts: int, external_id: str) -> None:
        """Note that one more part was sent: `parts` of them by now."""
        self._next.parts.append((id, parts, external_id))
        await self._written()

    async def sent(self, id: int, parts: int, external_ids: Sequence[str]) -> None:
        """Note that a message was sent."""
        self._next.sent.append((id, parts, external_ids))
        await self._written()

    async def failed(self, id: int, reason: str) -> None:
        """Note that a message cannot be sent."""
        self._next.failed.append((id, reason))
        await self._written()

    async def unreachable(self, chat_id: int) -> None:
        """Note that the bot may not write to the chat."""
        self._next.unreachable.append(chat_id)
        await self._written()

    async def moved(self, old_place: str, new_place: str) -> None:
        """Note that a chat has another id now."""
        self._next.moved.append((old_place, new_place))
        await self._written()

    async def _written(self) -> Marks:
        marks = self._next
        self._is_needed.set()
        await marks.is_written.wait()
        return marks

    async def _write_surely(self, marks: Marks) -> None:
        while True:
            try:
                async with self._log.writing() as writing:
                    await self._write(writing, marks)
                return
            except StorageUnavailable as error:
                logger.warning("the outbox waits for the log: %s", error)
                await asyncio.sleep(_PAUSE_S)

    async def _write(self, writing: Writing, marks: Marks) -> None:
        if marks.sending:
            marks.is_due = await writing.mark_sending(marks.sending)
        for id in marks.unsent:
            await writing.mark_unsent(id)
        for part in marks.parts:
            await writing.mark_part(*part)
        if marks.sent:
            await writing.mark_sent_many(marks.sent)
        for failed in marks.failed:
            await writing.mark_failed(*failed)
        for chat_id in marks.unreachable:
            await writing.set_active(chat_id, False)
        for old_place, new_place in marks.moved:
            await writing.move_chat(self._channel, old_place, new_place)
