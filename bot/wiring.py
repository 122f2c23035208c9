"""The only place that picks implementations: what each process is made of, opened and closed in order."""

from __future__ import annotations

import asyncio
import getpass
import secrets
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.console import Console

from bot.asides import Asides
from bot.conversation import Conversation, Deliver
from bot.reconciling import Reconciler
from bot.recording import Begin, Recorder, begin_later
from bot.running.data_folder import prepare
from bot.settings import Settings
from dialogue.engine.wardrobe import EngineWardrobe, own_adapters
from dialogue.ports import Engine
from dialogue.replying import Replier
from dialogue.seeds import Seeds, load_seeds
from dialogue.worker import Worker
from storage.casting import PromotedCasting
from storage.live.drafts import RedisDrafts
from storage.live.embedded import embedded_redis
from storage.live.history import RedisHistory
from storage.live.inbox import RedisInbox
from storage.live.jobs import RedisJobs
from storage.live.keys import Keys
from storage.live.lease import RedisLease
from storage.live.presence import Presence, process_name
from storage.live.redis_connection import Connection, redis_connection
from storage.live.rehearsal import CHANNEL as REHEARSALS
from storage.live.replies import RedisReplies
from storage.log.migrate import migrate
from storage.log.sql_log import SqlLog, sql_log
from storage.seed_versions import SeedVersions

if TYPE_CHECKING:
    from bot.review.proposals import Proposals
    from bot.telegram.pacing import Limits

Ready = Callable[[], None]
"""Called once the process can do its work."""

Progress = Callable[[str, float], None]
"""Takes the name of a stage and how much of it is done, from 0 to 1."""


@dataclass(frozen=True, slots=True)
class Foundations:
    """What every process stands on."""

    settings: Settings
    seeds: Seeds
    versions: SeedVersions
    redis: Connection
    keys: Keys
    log: SqlLog

    def conversation(self) -> Conversation:
        return Conversation(self.log, self.inbox(), self.seeds, self.settings.first_seeds)

    def inbox(self) -> RedisInbox:
        return RedisInbox(self.redis, self.keys)

    def drafts(self) -> RedisDrafts:
        return RedisDrafts(self.redis, self.keys)

    def presence(self) -> Presence:
        return Presence(self.redis, self.keys)

    def recorder(self, channel: str, deliver: Deliver, begin: Begin = begin_later) -> Recorder:
        from bot.metrics import count_reply

        replies = RedisReplies(self.redis, self.keys, channel, process_name(channel))
        return Recorder(self.log, replies, self.inbox(), deliver, count_reply, begin)

    def proposals(self) -> Proposals:
        from bot.review.proposals import Proposals

        replies = RedisReplies(self.redis, self.keys, REHEARSALS, process_name(REHEARSALS))
        return Proposals(self.log, self.inbox(), replies, self.drafts())

    def asides(self, channel: str, most_at_once: int) -> Asides:
        replies = RedisReplies(self.redis, self.keys, channel, process_name(channel))
        return Asides(self.inbox(), replies, most_at_once)

    def reconciler(self, channel: str) -> Reconciler:
        return Reconciler(self.log, self.inbox(), channel)


@asynccontextmanager
async def foundations(settings: Settings) -> AsyncIterator[Foundations]:
    """Open Redis (the embedded one unless another is set) and the log, its tables and the seeds brought up to date.

    Raises:
        SettingsError, SeedError: something is set wrong; the text says how to mend it.
        StorageUnavailable: Redis or SQL is out of reach.
    """
    seeds = load_seeds()
    prepare(settings.data_dir)
    async with AsyncExitStack() as stack:
        redis_url = settings.redis_url.get_secret_value()
        if not redis_url:
            redis_url = await stack.enter_async_context(embedded_redis(settings.data_dir))
        redis = await stack.enter_async_context(redis_connection(redis_url))
        await migrate(settings.sql_url)
        log = await stack.enter_async_context(sql_log(settings.sql_url))
        async with log.writing() as writing:
            await writing.keep_versions(seeds)
        versions = SeedVersions(log, seeds)
        await versions.apply()
        await stack.enter_async_context(background(versions.follow()))
        yield Foundations(settings, seeds, versions, redis, Keys(), log)


async def run_worker(settings: Settings, stopping: asyncio.Event, ready: Ready, progress: Progress) -> None:
    """Answer jobs until `stopping` is set."""
    async with foundations(settings) as base, model(settings, progress) as engine, working(base, engine) as worker:
        ready()
        await worker.run(stopping)


@asynccontextmanager
async def model(settings: Settings, progress: Progress) -> AsyncIterator[Engine]:
    """Load the model that is set."""
    from dialogue.engine.opening import open_engine  # here, because the other processes do without the engine

    async with open_engine(settings.engine, progress) as engine:
        yield engine


@asynccontextmanager
async def working(base: Foundations, engine: Engine) -> AsyncIterator[Worker]:
    """Join the workers with a model that is loaded."""
    async with AsyncExitStack() as stack:
        drafts = base.drafts()
        await stack.enter_async_context(drafts.flushing())
        # The heartbeat starts last: who has one can answer.
        jobs = RedisJobs(base.redis, base.keys, drafts, process_name("worker"))
        await stack.enter_async_context(jobs.at_work())
        wardrobe = EngineWardrobe(engine, own_adapters() if base.settings.seed_adapters else None)
        folder = base.settings.data_dir / "adapters"
        casting = PromotedCasting(base.seeds, base.settings.first_seeds[0], base.log, base.versions, wardrobe, folder)
        replier = Replier(engine, casting, draw=lambda: secrets.randbits(31))
        yield Worker(jobs, RedisHistory(base.redis, base.keys, base.log), replier, engine.slots)


async def run_web(settings: Settings, stopping: asyncio.Event, ready: Ready) -> None:
    """Serve the chat page, the review, the webhook if one is set, health and metrics, until `stopping` is set."""
    from bot.review.asking import CHANNEL as ASIDES
    from bot.review.asking import MAX_AT_ONCE
    from bot.review.assembly import Review
    from bot.review.live import Watch
    from bot.review.masking import Masking
    from bot.review.speaking import SpokenFor
    from bot.tending import Tending
    from bot.web.app import web_app
    from bot.web.chat import chat_router
    from bot.web.chats import WebChats
    from bot.web.delivery import CHANNEL, WebDelivery
    from bot.web.events import Pages
    from bot.web.health import health_router
    from bot.web.page import page_router
    from bot.web.serving import listening_socket, serve
    from bot.web.visitors import Visitors, kept_secret
    from storage.live.throttle import RedisThrottle

    listening = listening_socket(settings.web_host, settings.web_port)
    async with foundations(settings) as base:
        pages, watch = Pages(), Watch(base.log)
        delivery = WebDelivery(base.log, base.drafts(), pages)
        conversation = base.conversation()
        secret = kept_secret(settings.data_dir / "visitors.secret")
        proposals = base.proposals()
        spoken = SpokenFor(delivery, base.drafts())
        masking = Masking(settings.mask_people, secret)
        throttle = RedisThrottle(base.redis, base.keys)
        asides = base.asides(ASIDES, MAX_AT_ONCE)
        routers = [
            page_router(),
            chat_router(WebChats(conversation, delivery, pages), pages, Visitors(secret)),
            health_router(base.presence(), base.log.ping),
            *Review(
                conversation,
                spoken.deliver,
                proposals,
                masking,
                throttle,
                watch,
                asides,
                base.presence(),
                base.versions,
            ).routers(),
        ]
        if settings.webhook_url:
            from bot.telegram.webhook import webhook_router

            token, sent_along = settings.telegram_token.get_secret_value(), settings.webhook_secret.get_secret_value()
            routers.append(webhook_router(base.log, int(token.partition(":")[0]), sent_along))
        async with background(
            delivery.follow(),
            base.recorder(CHANNEL, delivery.deliver).run(),
            base.reconciler(CHANNEL).run(),
            Tending(conversation, CHANNEL, delivery.deliver).run(),
            watch.run(),
            watch.follow(base.drafts()),
            watch.heed(base.drafts()),
            proposals.run(),
            asides.run(),
        ):
            ready()
            await serve(web_app(*routers), [pages, watch, asides], listening, stopping)


async def run_bot(settings: Settings, stopping: asyncio.Event, ready: Ready, limits: Limits | None = None) -> None:
    """Talk to Telegram until `stopping` is set.

    Args:
        limits: how fast messages may go out; Telegram's own limits by default.
    """
    from bot.telegram.client import BotClient
    from bot.telegram.inline import CHANNEL as INLINE
    from bot.telegram.inline import MAX_AT_ONCE, Inline
    from bot.telegram.process import TelegramBot, WebhookTarget
    from bot.telegram.wishes import CHANNEL
    from bot.tending import Tending

    async with foundations(settings) as base:
        client = BotClient(settings.telegram_token.get_secret_value(), settings.telegram_api_url)
        webhook = WebhookTarget(settings.webhook_url, settings.webhook_secret.get_secret_value())
        bot = TelegramBot(
            client,
            base.conversation(),
            base.log,
            RedisLease(base.redis, base.keys, f"{CHANNEL}:{client.bot_id}"),
            listen=lambda: base.drafts().listen(CHANNEL),
            inline=Inline(client, base.seeds, base.asides(INLINE, MAX_AT_ONCE)),
            webhook=webhook if settings.webhook_url else None,
            limits=limits,
            alongside=[
                lambda delivery: base.recorder(CHANNEL, delivery.take, delivery.begin).run,
                lambda _: base.reconciler(CHANNEL).run,
                lambda delivery: Tending(base.conversation(), CHANNEL, delivery.take).run,
            ],
        )
        async with background(bot.run()):
            ready()
            await stopping.wait()


async def run_chat(settings: Settings, seed: str | None, once: str | None, progress: Progress) -> bool:
    """Chat in the terminal; with the model in this process where no worker lives. Returns whether it was answered."""
    from bot.terminal import CHANNEL, Terminal

    async with foundations(settings) as base, AsyncExitStack() as stack:
        if seed is not None:
            base.seeds.get(seed)
        if not await base.presence().living("worker"):
            engine = await stack.enter_async_context(model(settings, progress))
            worker = await stack.enter_async_context(working(base, engine))
            await stack.enter_async_context(background(worker.run(asyncio.Event())))
        terminal = Terminal(base.conversation(), base.drafts(), Console(), getpass.getuser())
        await stack.enter_async_context(
            background(base.recorder(CHANNEL, terminal.deliver).run(), base.reconciler(CHANNEL).run())
        )
        if once is not None:
            return await terminal.say_once(once, seed)
        await terminal.talk(seed)
        return True


@asynccontextmanager
async def background(*work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run these beside the block; if one of them fails, so does the block, and at its end all are cancelled."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(each) for each in work]
        yield
        for task in tasks:
            task.cancel()
