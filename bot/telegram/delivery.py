"""Sends the outbox to Telegram: chats at the same time, each in its own order."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace

from bot.telegram.client import BotClient
from bot.telegram.marking import Marking
from bot.telegram.pacing import Pacing
from bot.telegram.sending import FIRST_PAUSE_S, ChatSender, Stopped
from storage.log.writing import Writing
from storage.records import ChatKind, Outgoing, SendState

# How long a message that is on the wire when the process is stopped may take to be taken and noted.
GRACE_S = 5.0


class Delivery:
    """Sends what it is given; each message is noted in SQL before and after, so that none is lost.

    Args:
        delivered: called with each message that was sent or given up.
    """

    def __init__(
        self,
        bot: BotClient,
        marking: Marking,
        pacing: Pacing,
        delivered: Callable[[Outgoing], None] = lambda outgoing: None,
        first_pause_s: float = FIRST_PAUSE_S,
    ) -> None:
        self._bot, self._marking, self._pacing = bot, marking, pacing
        self._delivered = delivered
        self._first_pause_s = first_pause_s
        self._queues: dict[int, deque[Outgoing]] = {}
        self._senders: dict[asyncio.Task[None], ChatSender] = {}
        self._known: set[int] = set()
        self._finished: set[int] = set()
        self._has_swept = False
        self._tasks: asyncio.TaskGroup | None = None

    async def begin(self, writing: Writing, outgoing: Sequence[Outgoing]) -> list[Outgoing]:
        """Note in a transaction which messages are about to be sent: those that have to wait for nothing.

        Args:
            outgoing: goes to `take` once the transaction is committed.

        Returns:
            the messages as they are then.
        """
        ready: dict[int, int] = {}
        for each in outgoing:
            is_first = each.chat_id not in self._queues and each.chat_id not in ready
            if is_first and self._pacing.is_free(each.chat_id, each.chat_kind is ChatKind.GROUP, besides=len(ready)):
                ready[each.chat_id] = each.id
        begun = await writing.mark_sending(list(ready.values()))
        return [replace(each, state=SendState.SENDING) if each.id in begun else each for each in outgoing]

    async def take(self, outgoing: Sequence[Outgoing]) -> None:
        """Queue messages behind those of the same chat; a message that is queued already is not queued again."""
        for each in outgoing:
            if each.id in self._known:
                continue
            self._known.add(each.id)
            queue = self._queues.setdefault(each.chat_id, deque())
            queue.append(each)
            if len(queue) == 1:
                self._start(queue)

    def drop(self, chat_id: int) -> None:
        """Send nothing more of what is queued for the chat, the message aside that is being sent."""
        queue = self._queues.get(chat_id, deque())
        while len(queue) > 1:
            self._finished.add(queue.pop().id)

    async def sweep(self, unsent: Callable[[], Awaitable[Sequence[Outgoing]]]) -> None:
        """Take what the log has for sending: from before a crash, and from other processes.

        Raises:
            StorageUnavailable: the log is out of reach.
        """
        # What is finished by now will not be in the answer; what is finished while that is on its way stays known.
        self._known -= self._finished
        self._finished = set()
        found = await unsent()
        if self._has_swept:
            # What is being sent is our own by now, and was perhaps noted as such a moment ago, by `begin`.
            found = [each for each in found if each.state is not SendState.SENDING]
        self._has_swept = True
        await self.take(found)

    async def run(self) -> None:
        """Send until cancelled; what is on the wire then is still noted."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            tasks.create_task(self._marking.run())
            for queue in list(self._queues.values()):
                self._start(queue)
            try:
                await asyncio.Event().wait()
            finally:
                self._tasks = None
                await self._stop()

    def _start(self, queue: deque[Outgoing]) -> None:
        if self._tasks is None:
            return
        sender = ChatSender(self._bot, self._marking, self._pacing, queue[0], self._first_pause_s)
        task = self._tasks.create_task(self._empty(queue, sender))
        self._senders[task] = sender
        task.add_done_callback(self._senders.pop)

    async def _empty(self, queue: deque[Outgoing], sender: ChatSender) -> None:
        """Send one chat's messages, those that come in meanwhile as well."""
        with suppress(Stopped):
            while queue:
                outgoing = queue[0]
                await sender.send(outgoing)
                self._delivered(outgoing)
                self._finished.add(outgoing.id)
                queue.popleft()
            del self._queues[outgoing.chat_id]

    async def _stop(self) -> None:
        for task, sender in self._senders.items():
            if not sender.stop():
                task.cancel()
        if self._senders:
            await asyncio.wait(list(self._senders), timeout=GRACE_S)
