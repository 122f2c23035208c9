"""Records what workers wrote in the log, then has it delivered."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from bot.conversation import Deliver
from dialogue.errors import StorageUnavailable
from dialogue.failpoints import reach
from storage.live.inbox import RedisInbox
from storage.live.replies import RedisReplies
from storage.log.sql_log import SqlLog
from storage.log.writing import Writing
from storage.records import Finished, Outgoing

logger = logging.getLogger(__name__)

Begin = Callable[[Writing, Sequence[Outgoing]], Awaitable[Sequence[Outgoing]]]
"""Notes, in the transaction that records messages, which are about to be sent; returns all as they are then."""


async def begin_later(writing: Writing, outgoing: Sequence[Outgoing]) -> Sequence[Outgoing]:
    """Note nothing yet."""
    return outgoing


# One transaction for as many replies as came in while the last one was written.
_BATCH = 200
_PAUSE_S = 0.5


class Recorder:
    """Takes the replies of one channel from Redis to SQL.

    A reply is acknowledged only after it is in SQL: a crash in between has it recorded again, which SQL recognises.
    """

    def __init__(
        self,
        log: SqlLog,
        replies: RedisReplies,
        inbox: RedisInbox,
        deliver: Deliver,
        observe: Callable[[Finished], None] = lambda finished: None,
        begin: Begin = begin_later,
    ) -> None:
        self._log = log
        self._replies = replies
        self._inbox = inbox
        self._deliver = deliver
        self._observe = observe
        self._begin = begin

    async def run(self) -> None:
        """Record until cancelled."""
        async with self._replies.at_work():
            while True:
                try:
                    claimed = await self._replies.claim(_BATCH)
                except StorageUnavailable as error:
                    logger.warning("no replies: %s", error)
                    await asyncio.sleep(_PAUSE_S)
                    continue
                if claimed:
                    await self._record(claimed)

    async def _record(self, claimed: Sequence[Finished]) -> None:
        reach("reply-read")
        outgoing, refused = await self._written(claimed)
        reach("reply-recorded")
        for finished in claimed:
            self._observe(finished)
        await self._deliver(outgoing)
        await self._settle(claimed, refused)

    async def _written(self, claimed: Sequence[Finished]) -> tuple[Sequence[Outgoing], list[Finished]]:
        """Return what is to be sent, and the replies that SQL refused."""
        while True:
            try:
                async with self._log.writing() as writing:
                    recorded = await writing.record_replies(claimed)
                    refused = [each for each, row in zip(claimed, recorded, strict=True) if row is None]
                    return await self._begin(writing, [row for row in recorded if row is not None]), refused
            except StorageUnavailable as error:
                logger.warning("replies wait for the log: %s", error)
                await asyncio.sleep(_PAUSE_S)

    async def _settle(self, claimed: Sequence[Finished], refused: Sequence[Finished]) -> None:
        """Take the replies out of Redis, and what SQL did not take as the next turn out of its history."""
        while True:
            try:
                await self._inbox.take_back(refused)
                if not await self._replies.acknowledge(claimed):
                    # Redis was lost in the meantime, and its history may go on without these turns.
                    await self._inbox.take_back(claimed)
                return
            except StorageUnavailable as error:
                logger.warning("recorded, not acknowledged: %s", error)
                await asyncio.sleep(_PAUSE_S)
