"""Stores updates and handles them: each once, in the order of their ids, many in one transaction."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from telegram import Update

from bot.conversation import Conversation, Session
from bot.telegram.aftermath import Aftermath, answer_press, say_directly
from bot.telegram.arrival import StoredUpdate
from bot.telegram.client import BotClient
from bot.telegram.delivery import Delivery
from bot.telegram.drafts import Drafts
from bot.telegram.updates import Inquired, Wish, wish
from bot.telegram.wishes import Wishes, needs_commit
from dialogue.errors import StorageUnavailable
from dialogue.failpoints import reach

logger = logging.getLogger(__name__)

# As many as Telegram hands over at a time: enough for one commit to be cheap, few enough for the first not to wait.
BATCH = 100
# How often to look for updates without being told of any: seldom where they come through this process, often where
# another one takes Telegram's pushes.
LOOK_SELDOM_S = 1.0
LOOK_OFTEN_S = 0.1
PAUSE_S = 1.0


@dataclass(slots=True)
class Arrived:
    """Updates that are to be stored.

    Args:
        is_over: they are stored, or there is an error.
    """

    updates: Sequence[StoredUpdate]
    is_over: asyncio.Event = field(default_factory=asyncio.Event)
    error: StorageUnavailable | None = None


class Handling:
    """Does what stored updates ask, one batch after the other.

    Args:
        inquire: takes what people ask in other chats.
    """

    def __init__(
        self,
        bot: BotClient,
        conversation: Conversation,
        wishes: Wishes,
        drafts: Drafts,
        delivery: Delivery,
        look_every_s: float = LOOK_SELDOM_S,
        inquire: Callable[[Inquired], None] = lambda inquired: None,
    ) -> None:
        self._bot, self._conversation, self._wishes = bot, conversation, wishes
        self._drafts, self._delivery = drafts, delivery
        self._look_every_s, self._inquire = look_every_s, inquire
        self._arrived: list[Arrived] = []
        self._news = asyncio.Event()

    def wake(self) -> None:
        """Say that somebody else stored updates."""
        self._news.set()

    async def keep(self, updates: Sequence[StoredUpdate]) -> None:
        """Have updates stored, and handled in the same transaction; return once that is committed.

        Raises:
            StorageUnavailable: they are not stored.
        """
        arrived = Arrived(updates)
        self._arrived.append(arrived)
        self._news.set()
        await arrived.is_over.wait()
        if arrived.error is not None:
            raise arrived.error

    async def run(self) -> None:
        """Handle until cancelled, through failures of SQL."""
        async with asyncio.TaskGroup() as presses:
            while True:
                self._news.clear()
                try:
                    is_more_left = await self.handle_some(presses)
                except StorageUnavailable as error:
                    logger.warning("updates wait for the log: %s", error)
                    await asyncio.sleep(PAUSE_S)
                    continue
                if not is_more_left:
                    await self._wait_for_news()

    async def handle_some(self, tasks: asyncio.TaskGroup) -> bool:
        """Handle the next batch and say whether updates may be left.

        Raises:
            StorageUnavailable: those not handled yet stay in the log, or were never stored.
        """
        arrived, self._arrived = self._arrived, []
        try:
            is_more_left = await self._handle_next([update for each in arrived for update in each.updates], tasks)
        except StorageUnavailable as error:
            _settle(arrived, error)
            raise
        _settle(arrived)
        return is_more_left

    async def _handle_next(self, new: Sequence[StoredUpdate], tasks: asyncio.TaskGroup) -> bool:
        log, bot_id = self._conversation.log, self._bot.bot_id
        if not new and not await log.pending_updates(bot_id, 1):
            return False
        try:
            return await self._handle_together(new, tasks)
        except StorageUnavailable:
            raise
        except Exception:
            logger.exception("updates failed together, now one by one")
        async with log.writing() as writing:
            await writing.store_updates(bot_id, new)
        for update in await log.pending_updates(bot_id, BATCH):
            await self._handle_alone(update, tasks)
        return True

    async def _handle_together(self, new: Sequence[StoredUpdate], tasks: asyncio.TaskGroup) -> bool:
        aftermath = Aftermath()
        async with self._conversation.session(self._delivery.take) as session:
            await session.writing.store_updates(self._bot.bot_id, new)
            reach("updates-stored")
            # All that wait, since older ones may have been left behind.
            updates = await session.writing.pending_updates(self._bot.bot_id, BATCH)
            count = await self._fulfil(session, updates, aftermath)
            reach("updates-handled")
        reach("updates-committed")
        self._follow_up(session, aftermath, tasks)
        return count < len(updates) or len(updates) == BATCH

    async def _fulfil(self, session: Session, updates: Sequence[StoredUpdate], aftermath: Aftermath) -> int:
        """Do what the updates ask, up to one that needs the others committed; return how many that were."""
        for number, (update_id, payload) in enumerate(updates):
            asked = self._wish(update_id, payload)
            if number > 0 and needs_commit(asked):
                return number
            if await session.writing.take_update(self._bot.bot_id, update_id) and asked is not None:
                await self._wishes.fulfil(session, asked, aftermath)
        return len(updates)

    def _follow_up(self, session: Session, aftermath: Aftermath, tasks: asyncio.TaskGroup) -> None:
        for chat_id in aftermath.erased:
            self._delivery.drop(chat_id)
        for dialogue_id in aftermath.called_off:
            self._drafts.call_off(dialogue_id)
        for expected in aftermath.expected:
            # Nothing comes of an edit that changed no word; what was said to an operator is answered by the operator.
            if expected.dialogue_id in session.queued:
                self._drafts.expect(expected)
        for inquired in aftermath.inquiries:
            self._inquire(inquired)
        for press in aftermath.presses:
            tasks.create_task(answer_press(self._bot, press))
        for place, words in aftermath.farewells:
            tasks.create_task(say_directly(self._bot, place, words))

    async def _handle_alone(self, update: StoredUpdate, tasks: asyncio.TaskGroup) -> None:
        aftermath = Aftermath()
        try:
            async with self._conversation.session(self._delivery.take) as session:
                await self._fulfil(session, [update], aftermath)
        except StorageUnavailable:
            raise
        except Exception:
            logger.exception("update %d cannot be handled", update[0])
            await self._give_up(update, tasks)
        else:
            self._follow_up(session, aftermath, tasks)

    async def _give_up(self, update: StoredUpdate, tasks: asyncio.TaskGroup) -> None:
        update_id, payload = update
        asked, aftermath = self._wish(update_id, payload), Aftermath()
        try:
            async with self._conversation.session(self._delivery.take) as session:
                await session.writing.take_update(self._bot.bot_id, update_id)
                if asked is not None:
                    await self._wishes.apologise(session, asked, aftermath)
        except StorageUnavailable:
            raise
        except Exception:
            logger.exception("not even an apology for update %d", update_id)
            async with self._conversation.log.writing() as writing:
                await writing.take_update(self._bot.bot_id, update_id)
        else:
            self._follow_up(session, aftermath, tasks)

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


def _settle(arrived: Sequence[Arrived], error: StorageUnavailable | None = None) -> None:
    for each in arrived:
        each.error = error
        each.is_over.set()
