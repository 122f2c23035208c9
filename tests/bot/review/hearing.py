"""An operator's page that listens to the stream of events, over a real connection."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from httpx import AsyncClient, Response

from bot.review.access import COOKIE
from storage.operators import Role
from tests.bot.review.world import World

Event = tuple[str, Any]


@dataclass
class Page:
    """An open stream.

    Args:
        secret: what the cookie of the operator who listens holds.
    """

    response: Response
    secret: str
    events: AsyncIterator[Event]

    async def next(self, name: str) -> Any:
        """Return what the next event of that name says; None where the stream ends before it comes."""
        async with asyncio.timeout(10):
            async for heard, content in self.events:
                if heard == name:
                    return content
        return None

    async def settle(self) -> None:
        """Hear everything that was news before now: nothing but beats for longer than the log is not looked at."""
        beats = 0
        while beats < 20:
            async with asyncio.timeout(10):
                name, _ = await anext(self.events)
            beats = beats + 1 if name == "beat" else 0


@asynccontextmanager
async def listening(world: World, url: str, dialogue_id: str = "", role: Role = Role.REVIEWER) -> AsyncIterator[Page]:
    """Open the stream of a page, of a list or of one dialogue; it is known to the server once this begins."""
    async with world.log.writing() as writing:
        secret, _ = await writing.open_session(world.operators[role], "a browser")
    async with (
        AsyncClient(base_url=url, cookies={COOKIE: secret}, timeout=20) as client,
        client.stream("GET", f"/review/api/events?dialogue={dialogue_id}") as response,
    ):
        yield Page(response, secret, _events(response))


async def _events(response: Response) -> AsyncIterator[Event]:
    name = ""
    async for line in response.aiter_lines():
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield name, json.loads(line.removeprefix("data: "))
