"""A chat page with real SQLite and a real valkey behind it, and a worker whose lines the test says."""

from __future__ import annotations

import asyncio
import secrets
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from httpx import ASGITransport, AsyncClient
from redis.asyncio import Redis
from starlette.types import ASGIApp

from bot.conversation import Conversation
from bot.web.app import web_app
from bot.web.chat import chat_router
from bot.web.chats import WebChats
from bot.web.delivery import CHANNEL, WebDelivery
from bot.web.events import Pages
from bot.web.page import page_router
from bot.web.serving import listening_socket, serve
from bot.web.visitors import Visitors
from dialogue.forms import SeedKind
from dialogue.seeds import Seeds
from dialogue.turns import Ask, Outcome, Reply
from storage.live.drafts import RedisDrafts
from storage.live.inbox import RedisInbox
from storage.live.keys import Keys
from storage.live.redis_connection import redis_connection
from storage.log.sql_log import SqlLog, sql_log
from storage.records import Asked, Finished
from tests.fakes import SEED
from tests.storage.log.empty import empty_log

SEEDS = Seeds(
    [
        replace(SEED, name="support-en", title="Support", description="Mends the internet.", greeting="What happened?"),
        replace(SEED, name="talk-ru", language="ru", title="Поболтать", greeting="Привет! О чём поговорим?"),
        replace(SEED, name="titles-en", kind=SeedKind.COMPLETION, title="Films", greeting="Yes?", example="Dune"),
    ]
)
ORIGIN = "http://chat.test"


@dataclass
class World:
    """Everything behind the page; the worker is the test."""

    redis: Redis
    keys: Keys
    log: SqlLog
    drafts: RedisDrafts
    pages: Pages
    delivery: WebDelivery
    app: ASGIApp

    def browser(self) -> AsyncClient:
        """Return the client of a visitor that nobody knows yet."""
        return AsyncClient(
            transport=ASGITransport(self.app, raise_app_exceptions=False), base_url=ORIGIN, headers={"Origin": ORIGIN}
        )

    @asynccontextmanager
    async def visitor(self) -> AsyncIterator[AsyncClient]:
        """Yield the client of a visitor who has opened the page."""
        async with self.browser() as client:
            (await client.get("/api/chat")).raise_for_status()
            yield client

    async def asked(self) -> list[Asked]:
        """Return what waits for an answer, oldest first, as the worker would find it."""
        return await self.log.waiting(CHANNEL, 0)

    async def write(self, text: str, asked: list[Asked] | None = None) -> None:
        """Publish a draft of the reply to the dialogue that was last asked in, as a worker does."""
        last = (asked or await self.asked())[-1]
        self.drafts.publish(CHANNEL, last.dialogue_id, last.epoch, text)

    async def reply(self, text: str, outcome: Outcome = Outcome.ANSWERED, asked: list[Asked] | None = None) -> None:
        """Answer what waits in the dialogue that was last asked in, as a worker and the recorder do."""
        asked = asked or await self.asked()
        mine = [each for each in asked if each.dialogue_id == asked[-1].dialogue_id]
        turn_text = text
        if mine[0].ask is Ask.CONTINUE:
            history = await self.log.history(mine[0].dialogue_id)
            turn_text = f"{history.dialogue.last_reply()} {text}"
        finished = Finished(
            reply_id=uuid.uuid4().hex,
            channel=CHANNEL,
            dialogue_id=mine[0].dialogue_id,
            epoch=mine[0].epoch,
            message_ids=tuple(each.message_id for each in mine),
            reply=Reply(outcome, mine[0].ask, text, turn_text),
        )
        async with self.log.writing() as writing:
            outgoing = await writing.record_reply(finished)
        if outgoing is not None:
            await self.delivery.deliver([outgoing])


@asynccontextmanager
async def open_world(redis_url: str, folder: Path, beat_s: float = 15.0) -> AsyncIterator[World]:
    """Build the page with its storage, and take both down at the end."""
    url = empty_log(folder / "log.db")
    async with redis_connection(redis_url) as redis, sql_log(url) as log:
        keys = Keys(f"{{test-{secrets.token_hex(6)}}}:")
        drafts = RedisDrafts(redis, keys)
        pages = Pages()
        delivery = WebDelivery(log, drafts, pages)
        conversation = Conversation(log, RedisInbox(redis, keys), SEEDS, ["support-en", "talk-ru"])
        chats = WebChats(conversation, delivery, pages)
        app = web_app(page_router(), chat_router(chats, pages, Visitors("a secret"), beat_s))
        async with drafts.flushing(), following(delivery, redis, keys):
            yield World(redis, keys, log, drafts, pages, delivery, app)


@asynccontextmanager
async def following(delivery: WebDelivery, redis: Redis, keys: Keys) -> AsyncIterator[None]:
    """Pass on drafts and changes from Redis; begins once Redis knows of this listener."""

    async def listeners() -> int:
        [(_, count)] = await redis.pubsub_numsub(keys.live(CHANNEL))
        return int(count)

    before = await listeners()
    task = asyncio.create_task(delivery.follow())
    while await listeners() == before:
        await asyncio.sleep(0.01)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


@asynccontextmanager
async def served(world: World, port: int = 0) -> AsyncIterator[str]:
    """Serve the page, by default on a free port; yields its address."""
    listening = listening_socket("127.0.0.1", port)
    stopping = asyncio.Event()
    server = asyncio.create_task(serve(world.app, [world.pages], listening, stopping))
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        stopping.set()
        await server
