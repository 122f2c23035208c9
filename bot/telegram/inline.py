"""Inline mode: answers what people ask behind the bot's name in any chat, while they are still writing there.

Such a question is asked aside (`bot.asides`): neither it nor the answer is kept.
"""

from __future__ import annotations

import asyncio
import logging

from telegram.error import TelegramError

from bot.asides import Asides
from bot.conversation import spoken_language
from bot.telegram.client import BotClient
from bot.telegram.inline_results import MAX_RESULTS, answered, hint, named, way_to_chat
from bot.telegram.updates import Inquired
from dialogue.errors import AsideError, StorageUnavailable
from dialogue.seeds import Seed, Seeds
from dialogue.turns import Outcome

logger = logging.getLogger(__name__)

CHANNEL = "inline"
"""The channel through which the answers come back."""

# Whoever has not written for so long waits for an answer; before that, each key would be a question.
TYPING_S = 0.7
# Telegram gives a query up after some ten seconds.
PATIENCE_S = 8.0
MAX_AT_ONCE = 8
"""So many are answered at a time."""

# How long Telegram may give the same person the same results again without asking.
_CACHE_S = 300


class Inline:
    """Answers inline queries: of each person the newest, once they have stopped typing."""

    def __init__(
        self,
        bot: BotClient,
        seeds: Seeds,
        asides: Asides,
        typing_s: float = TYPING_S,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._bot, self._seeds, self._asides = bot, seeds, asides
        self._typing_s, self._patience_s = typing_s, patience_s
        self._tasks: asyncio.TaskGroup | None = None
        self._newest: dict[str, asyncio.Task[None]] = {}

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
        async with asyncio.TaskGroup() as self._tasks:
            try:
                await self._asides.run()
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
        if len(words) > seed.max_message_chars:
            return ""
        try:
            reply = await self._asides.ask(seed.name, words, {}, self._patience_s)
        except (AsideError, StorageUnavailable) as error:
            logger.info("inline query without an answer: %s", error)
            return ""
        return reply.text if reply.outcome is Outcome.ANSWERED else ""
