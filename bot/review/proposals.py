"""What the model would say next, for an operator who leads a dialogue: written down, shown, and never sent."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Protocol

from dialogue.errors import ReviewError, StorageUnavailable
from dialogue.turns import Ask
from storage.live.inbox import RedisInbox
from storage.live.rehearsal import CHANNEL, rehearsal_of, rehearsed
from storage.live.replies import RedisReplies
from storage.log.sql_log import SqlLog
from storage.records import Asked, Finished

logger = logging.getLogger(__name__)

_BATCH = 50
_PAUSE_S = 0.5


class News(Protocol):
    """What is said between the web processes (`storage.live.drafts.RedisDrafts`)."""

    async def announce(self, channel: str, dialogue_id: str, failure: str = "") -> None:
        """Tell every process that there is something new in a dialogue."""


class Proposals:
    """Asks the workers for proposals and takes them in."""

    def __init__(
        self, log: SqlLog, inbox: RedisInbox, replies: RedisReplies, news: News, clock: Callable[[], float] = time.time
    ) -> None:
        self._log, self._inbox, self._replies, self._news, self._clock = log, inbox, replies, news, clock

    async def ask(self, dialogue_id: str) -> None:
        """Have the model propose an answer to what waits in the dialogue.

        Raises:
            ReviewError: nobody waits for an answer there.
            StorageUnavailable: Redis or SQL is out of reach.
        """
        async with self._log.reviewing() as reading:
            waiting = await reading.waiting_words(dialogue_id)
        if not waiting:
            raise ReviewError("nothing waits for an answer here, so there is nothing to propose")
        name = rehearsal_of(dialogue_id)
        # Whatever was proposed before is void, and its history out of date.
        await self._inbox.forget([name])
        # Redis tells messages apart by growing numbers; these are never written to SQL.
        first = int(self._clock() * 1000)
        asked = [
            Asked(
                message_id=str(first + number),
                channel=CHANNEL,
                dialogue_id=name,
                epoch=0,
                seed=each.seed,
                settings=each.settings,
                ask=Ask.SAY,
                text=each.text,
                after="",
                at=self._clock(),
            )
            for number, each in enumerate(waiting)
        ]
        await self._inbox.queue(asked)

    async def run(self) -> None:
        """Take proposals in until cancelled."""
        async with self._replies.at_work():
            while True:
                try:
                    for finished in await self._replies.claim(_BATCH):
                        await self._take_in(finished)
                except StorageUnavailable as error:
                    logger.warning("proposals wait: %s", error)
                    await asyncio.sleep(_PAUSE_S)

    async def _take_in(self, finished: Finished) -> None:
        dialogue_id = rehearsed(finished.dialogue_id)
        async with self._log.writing() as writing:
            turn_id = await writing.record_draft(dialogue_id, finished.reply)
        # Whoever asked has a page open, in this process or in another one: pages read the turn from the log.
        await self._news.announce(CHANNEL, finished.dialogue_id, "" if turn_id is None else str(turn_id))
        await self._replies.acknowledge([finished])
        # Nothing of it is needed any more, and it holds what a person has said.
        await self._inbox.forget([finished.dialogue_id])
