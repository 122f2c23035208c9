"""The whole Telegram side without a worker: what people say goes through SQL and the inbox, what is posted is sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

from bot.conversation import Conversation
from bot.telegram.arrival import Arrival, StoredUpdate
from bot.telegram.client import BotClient
from bot.telegram.delivery import Delivery
from bot.telegram.drafts import Drafts
from bot.telegram.handling import Handling
from bot.telegram.marking import Marking
from bot.telegram.pacing import Limits, Pacing, Rate
from bot.telegram.wishes import CHANNEL, Wishes
from storage.live.drafts import Draft
from storage.log.sql_log import SqlLog
from storage.records import Asked, ChatKind, ShownTurn
from tests.telegram_server import FakeTelegram

UNLIMITED = Limits(*[Rate(burst=1e6, per_s=1e6)] * 3)


async def silence() -> AsyncIterator[Draft]:
    """Write no drafts, for ever."""
    await asyncio.Event().wait()
    yield Draft("", "", True)


class Rig:
    """Lets the bot catch up with what people did."""

    def __init__(self, telegram: FakeTelegram, client: BotClient, log: SqlLog, conversation: Conversation) -> None:
        self.telegram, self.log, self.conversation = telegram, log, conversation
        self.drafts = Drafts(client, silence)
        self.delivery = Delivery(client, Marking(log, CHANNEL), Pacing(UNLIMITED), first_pause_s=0.001)
        self.handling = Handling(client, conversation, Wishes(log), self.drafts, self.delivery)
        self._bot_id = client.bot_id
        self._arrival = Arrival(client, self._keep, poll_s=0.0)
        self._storing = Arrival(client, self._store, poll_s=0.0)

    async def store(self) -> None:
        """Fetch some updates and store them, as a process would that died before it could handle them."""
        await self._storing.fetch()

    async def settle(self) -> None:
        """Fetch, handle and send everything there is."""
        while self.telegram.pending():
            await self._arrival.fetch()
        await self._handle()
        async with asyncio.timeout(20):
            while await self.log.unsent(CHANNEL):
                await asyncio.sleep(0.002)

    async def _keep(self, updates: Sequence[StoredUpdate]) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.handling.keep(updates))
            await asyncio.sleep(0)
            await self._handle()

    async def _handle(self) -> None:
        async with asyncio.TaskGroup() as presses:
            while await self.handling.handle_some(presses):
                pass

    async def _store(self, updates: Sequence[StoredUpdate]) -> None:
        async with self.log.writing() as writing:
            await writing.store_updates(self._bot_id, updates)

    async def waiting(self) -> list[Asked]:
        """Return what waits for a worker."""
        return await self.log.waiting(CHANNEL, older_than_s=-1.0)

    async def transcript(self, chat_id: int = 1) -> list[ShownTurn]:
        """Return a chat's dialogue."""
        kind = ChatKind.PRIVATE if chat_id > 0 else ChatKind.GROUP
        async with self.conversation.session() as session:
            visit = await session.enter(CHANNEL, str(chat_id), kind, str(abs(chat_id)), "Анна", "ru")
        return await self.log.transcript(visit.chat.id)
