"""The review on real SQLite and a real valkey, the chat page beside it, and a worker with a scripted model."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from httpx import ASGITransport, AsyncClient, Response
from redis.asyncio import Redis
from starlette.types import ASGIApp

from bot.asides import Asides
from bot.conversation import Conversation
from bot.reconciling import Reconciler
from bot.recording import Recorder
from bot.review.access import CSRF_HEADER
from bot.review.asking import CHANNEL as ASIDES
from bot.review.asking import MAX_AT_ONCE
from bot.review.assembly import Review
from bot.review.live import Watch
from bot.review.masking import Masking
from bot.review.passwords import hashed
from bot.review.proposals import Proposals
from bot.review.speaking import SpokenFor
from bot.web.app import web_app
from bot.web.chat import chat_router
from bot.web.chats import WebChats
from bot.web.delivery import CHANNEL, WebDelivery
from bot.web.events import Pages
from bot.web.page import page_router
from bot.web.serving import listening_socket, serve
from bot.web.visitors import Visitors
from bot.wiring import background
from dialogue.engine.wardrobe import EngineWardrobe
from dialogue.replying import Replier
from dialogue.seeds import Seeds, read_seed
from dialogue.worker import Worker
from storage.casting import PromotedCasting
from storage.live.drafts import RedisDrafts
from storage.live.history import RedisHistory
from storage.live.inbox import RedisInbox
from storage.live.jobs import RedisJobs
from storage.live.keys import Keys
from storage.live.presence import Presence
from storage.live.redis_connection import redis_connection
from storage.live.rehearsal import CHANNEL as REHEARSALS
from storage.live.replies import RedisReplies
from storage.live.throttle import RedisThrottle
from storage.log.sql_log import SqlLog, sql_log
from storage.operators import Operator, Role
from storage.seed_versions import SeedVersions
from tests.dialogue.kinds.conftest import KINDS
from tests.fakes import GREETING_SEED, ScriptedEngine
from tests.storage.log.empty import empty_log

SUPPORT = read_seed(
    "support-en.toml",
    b"""
name = "support-en"
language = "en"
title = "Support"
description = "Mends the internet."
max_message_chars = 200
text = "A chat."

[sampling]
max_new_tokens = 20
""".lstrip(),
)
# Each has a version of its own, as files have.
SEEDS = Seeds([SUPPORT, *(replace(each, version=f"version-{each.name}") for each in (GREETING_SEED, *KINDS))])
ORIGIN = "http://review.test"
PASSWORD = "correct horse battery"
KEPT_PASSWORD = hashed(PASSWORD)


@dataclass
class World:
    """Everything behind the pages.

    Args:
        engine: what the model says, line by line.
        operators: by role.
    """

    redis: Redis
    keys: Keys
    log: SqlLog
    drafts: RedisDrafts
    conversation: Conversation
    pages: Pages
    watch: Watch
    review: Review
    app: ASGIApp
    engine: ScriptedEngine
    operators: dict[Role, Operator] = field(default_factory=dict)

    def browser(self) -> AsyncClient:
        """Return the client of somebody who is not logged in."""
        return AsyncClient(
            transport=ASGITransport(self.app, raise_app_exceptions=False), base_url=ORIGIN, headers={"Origin": ORIGIN}
        )

    @asynccontextmanager
    async def operator(self, role: Role = Role.REVIEWER) -> AsyncIterator[AsyncClient]:
        """Yield the client of an operator who is logged in, and shows the CSRF token with each request."""
        async with self.browser() as client:
            await log_in(client, role.value)
            async with self.log.reviewing() as reading:
                session = await reading.session(client.cookies["govorun_operator"])
            assert session is not None
            client.headers[CSRF_HEADER] = session.csrf_token
            yield client

    @asynccontextmanager
    async def visitor(self) -> AsyncIterator[AsyncClient]:
        """Yield the client of a person who has opened the chat page."""
        async with self.browser() as client:
            (await client.get("/api/chat")).raise_for_status()
            yield client

    async def exchange(self, visitor: AsyncClient, text: str, reply: str) -> str:
        """Have a person say something and the model answer it; return the id of the dialogue."""
        self.engine.lines.append(f" {reply}\nUser1:")
        return await self.said(visitor, text, answered=True)

    async def said(self, visitor: AsyncClient, text: str, answered: bool = False) -> str:
        """Have a person say something, and wait for the answer if there is to be one; return the dialogue's id."""
        before = (await visitor.get("/api/chat")).json()["turns"]
        (await visitor.post("/api/messages", json={"text": text})).raise_for_status()
        wanted = len(before) + (2 if answered else 1)
        async with asyncio.timeout(10):
            while len((await visitor.get("/api/chat")).json()["turns"]) < wanted:
                await asyncio.sleep(0.01)
        async with self.log.reviewing() as reading:
            return next(iter(await reading.touched_since(0)))

    async def dialogue(self, dialogue_id: str) -> Any:
        """Return a dialogue as the log has it."""
        async with self.log.reviewing() as reading:
            return await reading.dialogue(dialogue_id)


async def log_in(client: AsyncClient, name: str, password: str = PASSWORD) -> Response:
    """Log in as the form of the page does."""
    return await client.post("/review/login", data={"name": name, "password": password, "next": "/review"})


@asynccontextmanager
async def open_world(
    redis_url: str,
    folder: Path,
    is_masked: bool = False,
    lines: list[str | Exception] | None = None,
    database_url: str = "",
) -> AsyncIterator[World]:
    """Build everything, and take it down at the end; the operators are called after their roles."""
    url = database_url or empty_log(folder / "log.db")
    async with AsyncExitStack() as stack:
        redis = await stack.enter_async_context(redis_connection(redis_url))
        log = await stack.enter_async_context(sql_log(url))
        keys = Keys(f"{{test-{secrets.token_hex(6)}}}:")
        drafts, inbox = RedisDrafts(redis, keys), RedisInbox(redis, keys)
        pages, watch = Pages(), Watch(log)
        delivery = WebDelivery(log, drafts, pages)
        seeds = Seeds(SEEDS)
        versions = SeedVersions(log, seeds)
        conversation = Conversation(log, inbox, seeds, ["support-en"])
        proposals = Proposals(log, inbox, RedisReplies(redis, keys, REHEARSALS, "proposals"), drafts)
        asides = Asides(inbox, RedisReplies(redis, keys, ASIDES, "asides"), MAX_AT_ONCE)
        review = Review(
            conversation,
            SpokenFor(delivery, drafts).deliver,
            proposals,
            Masking(is_masked, "a secret"),
            RedisThrottle(redis, keys),
            watch,
            asides,
            Presence(redis, keys),
            versions,
        )
        chats = WebChats(conversation, delivery, pages)
        app = web_app(page_router(), chat_router(chats, pages, Visitors("a secret")), *review.routers())
        engine = ScriptedEngine(lines or [])
        jobs = RedisJobs(redis, keys, drafts, "worker-1")
        wardrobe = EngineWardrobe(engine, own=None)
        casting = PromotedCasting(seeds, "support-en", log, versions, wardrobe, folder / "adapters")
        replier = Replier(engine, casting, draw=lambda: 7)
        worker = Worker(jobs, RedisHistory(redis, keys, log), replier, engine.slots)
        recorder = Recorder(log, RedisReplies(redis, keys, CHANNEL, "recorder"), inbox, delivery.deliver)
        await stack.enter_async_context(drafts.flushing())
        await stack.enter_async_context(jobs.at_work())
        await stack.enter_async_context(
            background(
                worker.run(asyncio.Event()),
                recorder.run(),
                # On a busy machine a message may miss the queue; it must not wait for ever.
                Reconciler(log, inbox, CHANNEL).run(),
                delivery.follow(),
                proposals.run(),
                asides.run(),
                watch.run(),
                watch.follow(drafts),
                watch.heed(drafts),
            )
        )
        world = World(redis, keys, log, drafts, conversation, pages, watch, review, app, engine)
        async with log.writing() as writing:
            for role in Role:
                world.operators[role] = await writing.add_operator(role.value, role, KEPT_PASSWORD)
        yield world


@asynccontextmanager
async def served(world: World) -> AsyncIterator[str]:
    """Serve everything on a free port; yields the address."""
    listening = listening_socket("127.0.0.1", 0)
    stopping = asyncio.Event()
    server = asyncio.create_task(serve(world.app, [world.pages, world.watch, world.review.asides], listening, stopping))
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        stopping.set()
        await server
