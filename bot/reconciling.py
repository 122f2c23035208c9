"""Queues again what waits for an answer in the log, so that losing Redis loses nothing that was said."""

from __future__ import annotations

import asyncio
import logging

from dialogue.errors import StorageUnavailable
from storage.live.inbox import RedisInbox
from storage.log.sql_log import SqlLog

logger = logging.getLogger(__name__)

_EVERY_S = 3.0

# Younger messages are on their way into the inbox anyway.
_GRACE_S = 2.0


class Reconciler:
    """Compares the log of one channel with the live state, again and again."""

    def __init__(self, log: SqlLog, inbox: RedisInbox, channel: str) -> None:
        self._log = log
        self._inbox = inbox
        self._channel = channel

    async def run(self) -> None:
        """Reconcile until cancelled."""
        while True:
            try:
                await self.reconcile()
            except StorageUnavailable as error:
                logger.warning("not reconciled: %s", error)
            await asyncio.sleep(_EVERY_S)

    async def reconcile(self) -> None:
        """Queue every message that waits; one that is queued already is left alone.

        Raises:
            StorageUnavailable: Redis or SQL is out of reach.
        """
        waiting = await self._log.waiting(self._channel, _GRACE_S)
        if waiting:
            await self._inbox.queue(waiting)
