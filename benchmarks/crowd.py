"""A Bot API server with people in it who write, wait for their replies, and take the time.

`python -m benchmarks.crowd` runs it as a process of its own; what is said and measured is asked for over its control
interface, as described in `tests.telegram_server`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
from dataclasses import dataclass
from typing import Any

from tests.telegram_server import Call, FakeTelegram, telegram_server

# Of the length that people write in; the number in front makes every message, and so every reply, another one.
_WORDS = "здравствуйте, интернет не работает со вчерашнего вечера, на роутере мигает красная лампочка"


@dataclass(slots=True)
class Talker:
    """A person who says the next thing once the last one was answered.

    Args:
        left: how many messages are still to be said.
        awaited: the reply that has to come next; empty while none is awaited.
    """

    left: int = 0
    said: int = 0
    said_at: float = 0.0
    awaited: str = ""


class Crowd(FakeTelegram):
    """The server, with a person in each chat."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._talkers: dict[int, Talker] = {}
        self._delays_s: list[float] = []
        self._complaints: list[str] = []
        self._began_at = self._answered_at = 0.0
        self._speaking: asyncio.Task[None] | None = None

    def talk(self, chats: int, messages: int) -> None:
        """Let as many people say so many messages each, all at the same time, each as soon as the last is answered."""
        self._begin()
        for chat_id in range(1, chats + 1):
            talker = self._talkers.setdefault(chat_id, Talker())
            talker.left = messages
            self._say_next(chat_id, talker)

    def speak_evenly(self, chats: int, messages: int, per_s: float) -> None:
        """Let people say so many messages in all, one after the other at a steady pace, answered or not."""
        self._begin()
        self._speaking = asyncio.create_task(self._speak_evenly(chats, messages, per_s))

    def measured(self) -> dict[str, Any]:
        """Return what came of what was said last.

        Returns:
            `answered`, how many messages; `took_s`, from the first message to the last reply; `complaints`, every
            reply that was not the awaited one, and every message that was to be said before the last was answered.
        """
        took_s = self._answered_at - self._began_at
        return {"answered": len(self._delays_s), "took_s": took_s, "complaints": self._complaints}

    def delays_s(self) -> list[float]:
        """Return, for each message of what was said last, the time until its reply was here."""
        return self._delays_s

    def _begin(self) -> None:
        self._delays_s, self._complaints = [], []
        self._began_at = time.perf_counter()

    async def _speak_evenly(self, chats: int, messages: int, per_s: float) -> None:
        for number in range(messages):
            await asyncio.sleep(self._began_at + number / per_s - time.perf_counter())
            chat_id = number % chats + 1
            talker = self._talkers.setdefault(chat_id, Talker())
            if talker.awaited:
                self._complaints.append(f"chat {chat_id} waits so long that it would speak twice")
            talker.left = 1
            self._say_next(chat_id, talker)

    def _say_next(self, chat_id: int, talker: Talker) -> None:
        if not talker.left:
            return
        talker.left -= 1
        talker.said += 1
        words = f"{chat_id}-{talker.said} {_WORDS}"
        talker.awaited = f"echo: {words}"
        talker.said_at = time.perf_counter()
        self.say(words, chat_id=chat_id)

    def _api_sendMessage(self, call: Call) -> dict[str, Any]:
        made = super()._api_sendMessage(call)
        self._hear(int(call.params["chat_id"]), call.params["text"])
        return made

    def _hear(self, chat_id: int, text: str) -> None:
        talker = self._talkers[chat_id]
        if text != talker.awaited:
            self._complaints.append(f"chat {chat_id} heard {text!r} instead of {talker.awaited!r}")
            return
        self._answered_at = time.perf_counter()
        self._delays_s.append(self._answered_at - talker.said_at)
        talker.awaited = ""
        self._say_next(chat_id, talker)


async def main() -> None:
    """Serve until the process is told to stop."""
    async with telegram_server(Crowd()) as crowd:
        sys.stdout.write(json.dumps({"url": crowd.url}) + "\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main())
