"""Records what workers wrote in the log, then has it delivered."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from bot.conversation import Deliver
from dialogue.errors import StorageUnavailable
from dialogue.failpoints import reach
from storage.live.inbox import RedisInbox
from storage.live.replies import RedisReplies
from storage.log.sql_log import SqlLog
from storage.records import Finished, Outgoing

logger = logging.getLogger(__name__)

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
    ) -> None:
        self._log = log
        self._replies = replies
        self._inbox = inbox
        self._deliver = deliver
        self._observe = observe

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
        recorded = await self._written(claimed)
        reach("reply-recorded")
        for finished in claimed:
            self._observe(finished)
        outgoing = [each for each in recorded if each is not None]
        await self._deliver(outgoing)
        refused = [each for each, row in zip(claimed, recorded, strict=True) if row is None]
        await self._settle(claimed, refused)

    async def _written(self, claimed: Sequence[Finished]) -> list[Outgoing | None]:
        while True:
            try:
                async with self._log.writing() as writing:
                    return await writing.record_replies(claimed)
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
