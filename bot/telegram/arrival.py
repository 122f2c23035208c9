"""Long polling: updates are in SQL before the offset moves, so that Telegram forgets none that is not kept."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Sequence

from telegram.error import Conflict, EndPointNotFound, InvalidToken, RetryAfter, TelegramError

from bot.telegram.client import BotClient, seconds_to_wait
from bot.telegram.updates import ALLOWED
from dialogue.errors import StorageUnavailable
from dialogue.failpoints import reach

logger = logging.getLogger(__name__)

POLL_S = 30.0
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0


StoredUpdate = tuple[int, str]
"""An update's id and its JSON."""

Keep = Callable[[Sequence[StoredUpdate]], Awaitable[None]]
"""Stores updates; returns once they are committed. Raises StorageUnavailable where they are not."""


class Arrival:
    """Fetches the updates of one bot."""

    def __init__(
        self,
        bot: BotClient,
        keep: Keep,
        poll_s: float = POLL_S,
        first_pause_s: float = FIRST_PAUSE_S,
    ) -> None:
        self._bot, self._keep = bot, keep
        self._poll_s, self._first_pause_s = poll_s, first_pause_s
        self._offset = 0

    async def run(self) -> None:
        """Fetch until cancelled, through failures of the network, of Telegram and of SQL."""
        pause_s = self._first_pause_s
        while True:
            try:
                await self.fetch()
                pause_s = self._first_pause_s
            except RetryAfter as error:
                await asyncio.sleep(seconds_to_wait(error))
            except (TelegramError, StorageUnavailable) as error:
                logger.warning("no updates for %.0f s: %s", pause_s, _explained(error))
                await self._mend(error)
                await asyncio.sleep(pause_s)
                pause_s = min(LONGEST_PAUSE_S, pause_s * 2)

    async def fetch(self) -> None:
        """Wait for updates and have them kept; the next call confirms them to Telegram.

        Raises:
            TelegramError, StorageUnavailable: nothing is lost; call again.
        """
        updates = await self._bot.raw_updates(self._offset, self._poll_s, ALLOWED)
        if not updates:
            return
        reach("updates-fetched")
        # ASCII: half a surrogate pair is legal in JSON, but not in UTF-8.
        await self._keep([(update["update_id"], json.dumps(update)) for update in updates])
        reach("updates-kept")
        self._offset = max(update["update_id"] for update in updates) + 1

    async def _mend(self, error: Exception) -> None:
        # A webhook set earlier shuts polling out until it is deleted.
        if isinstance(error, Conflict) and "webhook" in str(error):
            try:
                await self._bot.delete_webhook()
            except TelegramError as failure:
                logger.warning("the webhook could not be deleted: %s", failure)


def _explained(error: Exception) -> str:
    if isinstance(error, InvalidToken | EndPointNotFound):
        return "Telegram refuses the token; is GOVORUN_TELEGRAM_TOKEN right?"
    if isinstance(error, Conflict):
        return f"somebody else fetches this bot's updates ({error})"
    return str(error)
