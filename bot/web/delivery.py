"""Brings replies and drafts to the pages that show their dialogue, in whichever process those are."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from bot.web.events import Pages
from dialogue.errors import StorageUnavailable
from dialogue.turns import Outcome
from storage.live.drafts import Draft
from storage.log.sql_log import SqlLog
from storage.records import Outgoing

logger = logging.getLogger(__name__)

CHANNEL = "web"


class LiveNews(Protocol):
    """What is said between the processes of a channel (`storage.live.drafts.RedisDrafts`)."""

    def listen(self, channel: str) -> AsyncIterator[Draft]:
        """Yield drafts and changes, for ever."""

    async def announce(self, channel: str, dialogue_id: str, failure: str = "") -> None:
        """Tell every process that a dialogue has changed."""


class WebDelivery:
    """The web's side of the outbox: a page reads the log, so sending is telling it to."""

    def __init__(self, log: SqlLog, live: LiveNews, pages: Pages) -> None:
        self._log = log
        self._live = live
        self._pages = pages

    async def deliver(self, outgoing: Sequence[Outgoing]) -> None:
        """Tell the pages of these messages and mark them sent: who has no page open reads them on the next visit."""
        if not outgoing:
            return
        for message in outgoing:
            failure = "" if message.outcome is Outcome.ANSWERED else message.outcome.value
            await self.announce(message.dialogue_id, failure)
        try:
            async with self._log.writing() as writing:
                await writing.mark_sent_many([(message.id, 1, ()) for message in outgoing])
        except StorageUnavailable as error:
            # They are delivered again after the next start: to read a chat once more harms nobody.
            logger.warning("delivered, not marked: %s", error)

    async def announce(self, dialogue_id: str, failure: str = "") -> None:
        """Have every page that shows the dialogue read it again, without Redis at least those of this process."""
        self._pages.change(dialogue_id, failure)
        try:
            await self._live.announce(CHANNEL, dialogue_id, failure)
        except StorageUnavailable as error:
            logger.warning("pages of other processes learn of a change later: %s", error)

    async def follow(self) -> None:
        """Deliver what a crash left unsent, then pass on what other processes announce, for ever.

        Raises:
            StorageUnavailable: the log is out of reach at the start.
        """
        await self.deliver(await self._log.unsent(CHANNEL))
        async for draft in self._live.listen(CHANNEL):
            if draft.is_final:
                self._pages.change(draft.dialogue_id, draft.text)
            else:
                self._pages.show(draft)
