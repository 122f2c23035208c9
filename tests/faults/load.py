"""People who write to the bot; each message carries a nonce, by which its reply is known."""

from __future__ import annotations

import asyncio
import heapq
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from tests.faults.telegram import Telegram

NONCE = re.compile(r"\bm-?\d+-\d+-[0-9a-f]{6}\b")
_TICK_S = 0.02
_MENTION = "@govorun_bot"


@dataclass(frozen=True, slots=True)
class Size:
    """How large a scenario is.

    Args:
        messages: how many in each chat.
        strikes: how often it is struck, about.
        seed: for everything that is left to chance.
        database: `sqlite` or `postgresql`.
    """

    chats: int
    messages: int
    strikes: int
    seed: int = 1
    database: str = "sqlite"

    @property
    def is_large(self) -> bool:
        """Whether there is time for more than a glance."""
        return self.chats >= LARGE.chats


SMALL = Size(chats=40, messages=10, strikes=5)
LARGE = Size(chats=200, messages=20, strikes=50)


@dataclass(frozen=True, slots=True)
class Said:
    """A message, and when it was said."""

    chat_id: int
    nonce: str
    at: float


class Load:
    """What people say.

    Args:
        words: what is said, made of the nonce.
    """

    def __init__(self, telegram: Telegram, random: Random, words: Callable[[str], str] = lambda nonce: nonce) -> None:
        self.said: list[Said] = []
        self._telegram = telegram
        self._random = random
        self._words = words
        self._numbers: dict[int, int] = {}

    async def say(self, chat_ids: Sequence[int], words: Callable[[str], str] | None = None) -> list[Said]:
        """Let one message be said in each of the chats, now."""
        said = [Said(chat_id, self._nonce(chat_id), time.time()) for chat_id in chat_ids]
        write = words or self._words
        messages = [_message(each.chat_id, write(each.nonce)) for each in said]
        await self._telegram("say_many", messages=messages)
        self.said += said
        return said

    async def chatter(self, chat_ids: Sequence[int], messages: int, pause_s: tuple[float, float]) -> None:
        """Let each chat say so many messages at its own pace, answered or not."""
        now = time.monotonic()
        due = [(now + self._random.uniform(*pause_s), chat_id, messages) for chat_id in chat_ids]
        heapq.heapify(due)
        while due:
            await asyncio.sleep(max(_TICK_S, due[0][0] - time.monotonic()))
            speaking = []
            while due and due[0][0] <= time.monotonic():
                at, chat_id, left = heapq.heappop(due)
                speaking.append(chat_id)
                if left > 1:
                    heapq.heappush(due, (at + self._random.uniform(*pause_s), chat_id, left - 1))
            # A chat that was due twice speaks twice, in two batches: what is said in one is said at the same time.
            while speaking:
                once = sorted(set(speaking))
                await self.say(once)
                for chat_id in once:
                    speaking.remove(chat_id)

    def _nonce(self, chat_id: int) -> str:
        number = self._numbers[chat_id] = self._numbers.get(chat_id, 0) + 1
        return f"m{chat_id}-{number}-{self._random.randrange(16**6):06x}"


def _message(chat_id: int, words: str) -> dict[str, object]:
    """Return what `FakeTelegram.say` takes; in a group the bot must be addressed."""
    if chat_id > 0:
        return {"chat_id": chat_id, "text": words}
    mention = {"type": "mention", "offset": 0, "length": len(_MENTION)}
    return {"chat_id": chat_id, "person_id": -chat_id, "text": f"{_MENTION} {words}", "entities": [mention]}
