"""Sees to it that what an operator says is sent at once, whatever channel its person is in."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from bot.web.delivery import CHANNEL, LiveNews, WebDelivery
from dialogue.errors import StorageUnavailable
from storage.records import Outgoing

logger = logging.getLogger(__name__)


class SpokenFor:
    """Delivers to the web's pages itself, and nudges the processes of the other channels, which send from the log."""

    def __init__(self, web: WebDelivery, live: LiveNews) -> None:
        self._web, self._live = web, live

    async def deliver(self, outgoing: Sequence[Outgoing]) -> None:
        """Have messages of the outbox sent."""
        await self._web.deliver([message for message in outgoing if message.channel == CHANNEL])
        for message in outgoing:
            if message.channel != CHANNEL:
                await self._nudge(message)

    async def _nudge(self, message: Outgoing) -> None:
        try:
            await self._live.announce(message.channel, message.dialogue_id)
        except StorageUnavailable as error:
            # The channel's process looks into the log by itself, a moment later.
            logger.warning("a message is sent a little later: %s", error)
