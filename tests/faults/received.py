"""What people got, as Telegram's own log has it."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from tests.faults.load import NONCE, Said
from tests.faults.processes import PATIENCE_S
from tests.faults.telegram import Telegram


@dataclass(frozen=True, slots=True)
class Delivered:
    """A message of the bot that reached a chat."""

    chat_id: int
    text: str
    at: float


class Received:
    """The messages of the bot, in the order in which they arrived."""

    def __init__(self, telegram: Telegram) -> None:
        self.all: list[Delivered] = []
        self.refused: list[int] = []
        self._telegram = telegram
        self._read = 0
        self._first: dict[str, float] = {}

    def answered_at(self, nonce: str) -> float | None:
        """Return when a message was answered for the first time."""
        return self._first.get(nonce)

    def in_chat(self, chat_id: int) -> list[Delivered]:
        """Return what one chat got."""
        return [each for each in self.all if each.chat_id == chat_id]

    def by_chat(self) -> dict[int, list[Delivered]]:
        """Return what each chat got."""
        chats: dict[int, list[Delivered]] = defaultdict(list)
        for each in self.all:
            chats[each.chat_id].append(each)
        return chats

    async def update(self, wait_s: float = 0.0) -> None:
        """Read on in the server's log."""
        calls = await self._telegram("log", since=self._read, wait_s=wait_s)
        self._read += len(calls)
        for call in calls:
            if call["method"] != "sendMessage":
                continue
            # 0: it was taken, but the connection closed before the bot knew.
            if call["status"] not in (0, 200):
                self.refused.append(call["status"])
                continue
            each = Delivered(int(call["params"]["chat_id"]), call["params"]["text"], call["at"])
            self.all.append(each)
            for nonce in NONCE.findall(each.text):
                self._first.setdefault(nonce, each.at)

    async def until_answered(self, said: Iterable[Said], patience_s: float = PATIENCE_S) -> list[Said]:
        """Wait until each message was answered; return those that are not, once none was for `patience_s`."""
        missing = list(said)
        give_up_at = time.monotonic() + patience_s
        while missing and time.monotonic() < give_up_at:
            await self.update(wait_s=0.5)
            still_missing = [each for each in missing if each.nonce not in self._first]
            if len(still_missing) < len(missing):
                give_up_at = time.monotonic() + patience_s
            missing = still_missing
        return missing
