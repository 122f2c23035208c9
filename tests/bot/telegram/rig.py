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
from dialogue.turns import Outcome, Reply
from storage.live.drafts import Draft
from storage.log.sql_log import SqlLog
from storage.operators import Operator, Role
from storage.records import Asked, ChatKind, Finished, Outgoing, ShownTurn
from tests.telegram_server import FakeTelegram

UNLIMITED = Limits(*[Rate(burst=1e6, per_s=1e6)] * 3)


async def silence() -> AsyncIterator[Draft]:
    """Write no drafts, for ever."""
    await asyncio.Event().wait()
    yield Draft("", "", True)


def a_reply(waiting: Sequence[Asked], words: str) -> Finished:
    """Return what a worker hands on for messages of one dialogue."""
    return Finished(
        reply_id=f"r{waiting[0].message_id}",
        channel=CHANNEL,
        dialogue_id=waiting[0].dialogue_id,
        epoch=waiting[0].epoch,
        message_ids=tuple(asked.message_id for asked in waiting),
        reply=Reply(Outcome.ANSWERED, waiting[0].ask, words, words),
    )


class Rig:
    """Lets the bot catch up with what people did."""

    def __init__(self, telegram: FakeTelegram, client: BotClient, log: SqlLog, conversation: Conversation) -> None:
        self.telegram, self.log, self.conversation = telegram, log, conversation
        self._now_s = 0.0
        self.drafts = Drafts(client, silence, clock=lambda: self._now_s)
        self.delivery = Delivery(client, Marking(log, CHANNEL), Pacing(UNLIMITED), self._answered, first_pause_s=0.001)
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
            # What is marked as sent is still in the queue for a moment, until those who wait for it are told.
            while await self.log.unsent(CHANNEL) or self.delivery._queues:
                await asyncio.sleep(0.002)

    async def record(self, words: str) -> Outgoing:
        """Record a reply to everything that waits, as a worker's reply is recorded."""
        waiting = await self.waiting()
        async with self.log.writing() as writing:
            outgoing = await writing.record_reply(a_reply(waiting, words))
        assert outgoing is not None
        return outgoing

    async def answer_all(self, words: str = "Здравствуйте!") -> Outgoing:
        """Record a reply to everything that waits, and send it."""
        outgoing = await self.record(words)
        await self.delivery.take([outgoing])
        await self.settle()
        return outgoing

    async def add_operator(self, name: str = "Ольга") -> Operator:
        """Make an account."""
        async with self.log.writing() as writing:
            return await writing.add_operator(name, Role.REVIEWER, "a hash")

    async def take_over(self, operator: Operator, chat_id: int = 1) -> str:
        """Give the dialogue of a chat to an operator; return its id."""
        dialogue_id = await self.dialogue_id(chat_id)
        async with self.conversation.session(self.delivery.take) as session:
            await session.take_over(dialogue_id, operator.id)
        await self.settle()
        return dialogue_id

    async def dialogue_id(self, chat_id: int = 1) -> str:
        """Return the id of a chat's dialogue."""
        async with self.log.writing() as writing:
            chat = await writing.chat(CHANNEL, str(chat_id), ChatKind.PRIVATE, "", "ru")
        return chat.dialogue_id

    async def announced(self) -> list[int]:
        """Let a minute pass; return the chats that are shown in it that a reply is coming."""
        seen = len(self.telegram.calls)
        self._now_s += 60
        async with asyncio.TaskGroup() as tasks:
            self.drafts.show_due(tasks)
        return [call.params["chat_id"] for call in self.telegram.calls[seen:] if call.method == "sendChatAction"]

    def _answered(self, outgoing: Outgoing) -> None:
        self.drafts.answered(outgoing.dialogue_id, outgoing.reply_to)

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
