"""Handles stored updates: each once, in the order of their ids, many in one transaction."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Sequence

from telegram import Update

from bot.conversation import Conversation
from bot.telegram.aftermath import Aftermath, answer_press, say_directly
from bot.telegram.client import BotClient
from bot.telegram.delivery import Delivery
from bot.telegram.drafts import Drafts
from bot.telegram.updates import Wish, wish
from bot.telegram.wishes import Wishes, needs_commit
from dialogue.errors import StorageUnavailable
from dialogue.failpoints import reach

logger = logging.getLogger(__name__)

# Enough for one commit to be cheap, few enough for the first of them not to wait.
BATCH = 64
# How often to look for updates without being told of any: seldom where they come through this process, often where
# another one takes Telegram's pushes.
LOOK_SELDOM_S = 1.0
LOOK_OFTEN_S = 0.1
PAUSE_S = 1.0

StoredUpdate = tuple[int, str]
"""An update's id and its JSON."""


class Handling:
    """Does what stored updates ask, one batch after the other."""

    def __init__(
        self,
        bot: BotClient,
        conversation: Conversation,
        wishes: Wishes,
        drafts: Drafts,
        delivery: Delivery,
        look_every_s: float = LOOK_SELDOM_S,
    ) -> None:
        self._bot, self._conversation, self._wishes = bot, conversation, wishes
        self._drafts, self._delivery = drafts, delivery
        self._look_every_s = look_every_s
        self._news = asyncio.Event()

    def wake(self) -> None:
        """Say that updates were stored."""
        self._news.set()

    async def run(self) -> None:
        """Handle until cancelled, through failures of SQL."""
        async with asyncio.TaskGroup() as presses:
            while True:
                self._news.clear()
                try:
                    count = await self.handle_some(presses)
                except StorageUnavailable as error:
                    logger.warning("updates wait for the log: %s", error)
                    await asyncio.sleep(PAUSE_S)
                    continue
                if count == 0:
                    await self._wait_for_news()

    async def handle_some(self, tasks: asyncio.TaskGroup) -> int:
        """Handle the next batch and return how many updates were in it.

        Raises:
            StorageUnavailable: those not handled yet stay in the log.
        """
        updates = await self._conversation.log.pending_updates(self._bot.bot_id, BATCH)
        if not updates:
            return 0
        try:
            await self._handle(updates, tasks)
        except StorageUnavailable:
            raise
        except Exception:
            logger.exception("updates %d to %d failed together, now one by one", updates[0][0], updates[-1][0])
            for update in updates:
                await self._handle_alone(update, tasks)
        return len(updates)

    async def _handle(self, updates: Sequence[StoredUpdate], tasks: asyncio.TaskGroup) -> None:
        aftermath = Aftermath()
        async with self._conversation.session(self._delivery.take) as session:
            for number, (update_id, payload) in enumerate(updates):
                asked = self._wish(update_id, payload)
                if number > 0 and needs_commit(asked):
                    break  # It comes first in the next batch.
                if await session.writing.take_update(self._bot.bot_id, update_id) and asked is not None:
                    await self._wishes.fulfil(session, asked, aftermath)
            reach("updates-handled")
        reach("updates-committed")
        for chat_id in aftermath.erased:
            self._delivery.drop(chat_id)
        for dialogue_id in aftermath.called_off:
            self._drafts.call_off(dialogue_id)
        for expected in aftermath.expected:
            self._drafts.expect(expected)
        for press in aftermath.presses:
            tasks.create_task(answer_press(self._bot, press))
        for place, words in aftermath.farewells:
            tasks.create_task(say_directly(self._bot, place, words))

    async def _handle_alone(self, update: StoredUpdate, tasks: asyncio.TaskGroup) -> None:
        try:
            await self._handle([update], tasks)
        except StorageUnavailable:
            raise
        except Exception:
            logger.exception("update %d cannot be handled", update[0])
            await self._give_up(*update)

    async def _give_up(self, update_id: int, payload: str) -> None:
        asked = self._wish(update_id, payload)
        try:
            async with self._conversation.session(self._delivery.take) as session:
                await session.writing.take_update(self._bot.bot_id, update_id)
                if asked is not None:
                    await self._wishes.apologise(session, asked)
        except StorageUnavailable:
            raise
        except Exception:
            logger.exception("not even an apology for update %d", update_id)
            async with self._conversation.log.writing() as writing:
                await writing.take_update(self._bot.bot_id, update_id)

    def _wish(self, update_id: int, payload: str) -> Wish | None:
        try:
            return wish(Update.de_json(json.loads(payload), self._bot), self._bot.bot)
        except Exception as error:
            # What is not shaped like an update can break the library anywhere, and must not come back for ever.
            logger.warning("update %d cannot be read: %s", update_id, type(error).__name__)
            return None

    async def _wait_for_news(self) -> None:
        try:
            async with asyncio.timeout(self._look_every_s):
                await self._news.wait()
        except TimeoutError:
            return
