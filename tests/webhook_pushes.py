"""Pushes updates to a webhook, as Telegram does."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import httpx


@dataclass(frozen=True, slots=True)
class Push:
    """One push to the webhook.

    Args:
        status: the HTTP status that was answered; 0 where there was no answer.
    """

    update_id: int
    status: int
    took_s: float


class Webhook:
    """Pushes updates: at most one at a time per chat, in order, again and again until the answer is 2xx."""

    def __init__(
        self, url: str, secret: str, accepted: Callable[[dict[str, Any]], Awaitable[None]], pushes: list[Push]
    ) -> None:
        self._url, self._secret, self._accepted, self._pushes = url, secret, accepted, pushes
        self._chats: dict[object, deque[dict[str, Any]]] = defaultdict(deque)
        self._pushing: dict[object, asyncio.Task[None]] = {}
        # As many at a time as Telegram itself makes by default.
        self._connections = asyncio.Semaphore(40)
        self._client = httpx.AsyncClient(timeout=10.0, trust_env=False, limits=httpx.Limits(max_connections=None))

    def push(self, update: dict[str, Any]) -> None:
        content: Any = next(value for key, value in update.items() if key != "update_id")
        chat = (content.get("message") or content).get("chat", {}).get("id") if isinstance(content, dict) else None
        self._chats[chat].append(update)
        if chat not in self._pushing:
            self._pushing[chat] = asyncio.create_task(self._push_chat(chat))

    async def close(self) -> None:
        for task in list(self._pushing.values()):
            task.cancel()
        await asyncio.gather(*self._pushing.values(), return_exceptions=True)
        await self._client.aclose()

    async def _push_chat(self, chat: object) -> None:
        queue = self._chats[chat]
        while queue:
            delay_s = 0.05
            while not await self._is_accepted(queue[0]):
                await asyncio.sleep(delay_s)
                delay_s = min(1.0, delay_s * 2)
            await self._accepted(queue.popleft())
        del self._pushing[chat]

    async def _is_accepted(self, update: dict[str, Any]) -> bool:
        headers = {"X-Telegram-Bot-Api-Secret-Token": self._secret} if self._secret else {}
        async with self._connections:
            began, status = time.monotonic(), 0
            with contextlib.suppress(httpx.HTTPError):
                status = (await self._client.post(self._url, json=update, headers=headers)).status_code
            self._pushes.append(Push(update["update_id"], status, time.monotonic() - began))
        return 200 <= status < 300
