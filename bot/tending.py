"""Looks after dialogues of operators: wakes the snoozed, ends claims that ran out, tells whom nobody heard."""

from __future__ import annotations

import asyncio
import logging

from bot.conversation import Conversation, Deliver
from dialogue.errors import ReviewError, StorageUnavailable

logger = logging.getLogger(__name__)

# How long a person who asked for an operator waits to be told that none is free.
PATIENCE_S = 180.0
# Few will notice that a wait was so much longer.
EVERY_S = 3.0


class Tending:
    """Looks after the dialogues of one channel.

    Args:
        deliver: takes what people are told.
    """

    def __init__(
        self,
        conversation: Conversation,
        channel: str,
        deliver: Deliver,
        patience_s: float = PATIENCE_S,
        every_s: float = EVERY_S,
    ) -> None:
        self._conversation, self._channel, self._deliver = conversation, channel, deliver
        self._patience_s, self._every_s = patience_s, every_s

    async def run(self) -> None:
        """Tend until cancelled."""
        while True:
            try:
                await self.tend()
            except StorageUnavailable as error:
                logger.warning("not tended: %s", error)
            await asyncio.sleep(self._every_s)

    async def tend(self) -> None:
        """Do what is due now.

        Raises:
            StorageUnavailable: the log is out of reach.
        """
        if await self._conversation.log.is_anything_to_wake():
            async with self._conversation.log.writing() as writing:
                await writing.wake_snoozed()
        for dialogue_id in await self._conversation.log.unheard(self._channel, self._patience_s):
            async with self._conversation.session(self._deliver) as session:
                await session.give_up_calling(dialogue_id)
        for dialogue_id in await self._conversation.log.run_out(self._channel):
            try:
                async with self._conversation.session(self._deliver) as session:
                    await session.hand_back(dialogue_id)
            except ReviewError as error:
                logger.info("dialogue %s stays with its operator: %s", dialogue_id, error)
