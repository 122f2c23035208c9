"""Inline mode: answers what people ask behind the bot's name in any chat, while they are still writing there.

Such a question belongs to no dialogue. It is answered by a job of its own, as a rehearsal is, and neither it nor the
answer is kept: not in the log, and in Redis no longer than it takes.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable
from contextlib import suppress

from telegram.error import TelegramError

from bot.conversation import spoken_language
from bot.telegram.client import BotClient
from bot.telegram.inline_results import MAX_RESULTS, answered, hint, named, way_to_chat
from bot.telegram.updates import Inquired
from dialogue.errors import StorageUnavailable
from dialogue.seeds import Seed, Seeds
from dialogue.turns import Ask, Outcome, Reply
from storage.live.inbox import RedisInbox
from storage.live.replies import RedisReplies
from storage.records import Asked

logger = logging.getLogger(__name__)

CHANNEL = "inline"
"""The channel through which the answers come back."""

# Whoever has not written for so long waits for an answer; before that, each key would be a question.
TYPING_S = 0.7
# Telegram gives a query up after some ten seconds.
PATIENCE_S = 8.0
# So many are answered at a time, whoever asks: those who talk to the bot come first.
MAX_AT_ONCE = 8
# How long Telegram may give the same person the same results again without asking.
_CACHE_S = 300
_BATCH = 50
_PAUSE_S = 0.5


class Inline:
    """Answers inline queries: of each person the newest, once they have stopped typing."""

    def __init__(
        self,
        bot: BotClient,
        seeds: Seeds,
        inbox: RedisInbox,
        replies: RedisReplies,
        typing_s: float = TYPING_S,
        patience_s: float = PATIENCE_S,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._bot, self._seeds, self._inbox, self._replies = bot, seeds, inbox, replies
        self._typing_s, self._patience_s, self._clock = typing_s, patience_s, clock
        self._tasks: asyncio.TaskGroup | None = None
        self._newest: dict[str, asyncio.Task[None]] = {}
        self._awaited: dict[str, asyncio.Future[Reply]] = {}

    def take(self, inquired: Inquired) -> None:
        """Begin to answer a query, and call off what the person asked before."""
        if self._tasks is None:
            return  # The process is stopping: a query is asked again with the next key.
        if inquired.person_id in self._newest:
            self._newest[inquired.person_id].cancel()
        task = self._tasks.create_task(self._answer(inquired))
        self._newest[inquired.person_id] = task
        task.add_done_callback(lambda done: self._clear(inquired.person_id, done))

    async def run(self) -> None:
        """Answer until cancelled."""
        async with asyncio.TaskGroup() as self._tasks, self._replies.at_work():
            try:
                await self._take_in()
            finally:
                self._tasks = None

    def _clear(self, person_id: str, task: asyncio.Task[None]) -> None:
        if self._newest.get(person_id) is task:
            del self._newest[person_id]

    async def _answer(self, inquired: Inquired) -> None:
        language = spoken_language(inquired.language)
        seeds, words = named(self._seeds, inquired.text, language)
        try:
            if words:
                await asyncio.sleep(self._typing_s)
                await self._answer_with(inquired.query_id, seeds[0], words, language)
            else:
                hints = [hint(seed, self._bot.username, language) for seed in seeds[:MAX_RESULTS]]
                await self._bot.answer_inline_query(inquired.query_id, hints, _CACHE_S, is_personal=True)
        except TelegramError as error:
            logger.debug("inline query not answered: %s", error)  # Telegram takes the answer for a short time only.

    async def _answer_with(self, query_id: str, seed: Seed, words: str, language: str) -> None:
        answer = await self._drawn(seed, words)
        if answer:
            result = answered(seed, words, answer)
            await self._bot.answer_inline_query(query_id, [result], _CACHE_S, is_personal=True)
        else:
            button = way_to_chat(seed, language)
            await self._bot.answer_inline_query(query_id, [], 0, is_personal=True, button=button)

    async def _drawn(self, seed: Seed, words: str) -> str:
        """Return what the model says to it; empty where nothing comes in time."""
        if len(self._awaited) >= MAX_AT_ONCE or len(words) > seed.max_message_chars:
            return ""
        dialogue_id = secrets.token_hex(8)
        self._awaited[dialogue_id] = awaited = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(self._patience_s):
                await self._inbox.queue([self._asked(dialogue_id, seed, words)])
                reply = await awaited
        except (TimeoutError, StorageUnavailable) as error:
            logger.info("inline query without an answer: %s", error or "not in time")
            return ""
        finally:
            del self._awaited[dialogue_id]
            if not awaited.done() or awaited.cancelled():
                # Nobody waits for it any more. Without Redis the reply comes after all, and is forgotten then.
                with suppress(StorageUnavailable):
                    await self._inbox.forget([dialogue_id])
        return reply.text if reply.outcome is Outcome.ANSWERED else ""

    def _asked(self, dialogue_id: str, seed: Seed, words: str) -> Asked:
        return Asked(
            message_id="1",
            channel=CHANNEL,
            dialogue_id=dialogue_id,
            epoch=0,
            seed=seed.name,
            settings={},
            ask=Ask.SAY,
            text=words,
            after="",
            at=self._clock(),
        )

    async def _take_in(self) -> None:
        while True:
            try:
                for finished in await self._replies.claim(_BATCH):
                    awaited = self._awaited.get(finished.dialogue_id)
                    if awaited is not None and not awaited.done():
                        awaited.set_result(finished.reply)
                    await self._replies.acknowledge([finished])
                    await self._inbox.forget([finished.dialogue_id])
            except StorageUnavailable as error:
                logger.warning("inline answers wait: %s", error)
                await asyncio.sleep(_PAUSE_S)
