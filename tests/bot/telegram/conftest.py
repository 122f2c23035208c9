"""A fake Bot API server, a client of it, and a real log and inbox behind the bot."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from redis.asyncio import Redis

from bot.asides import Asides
from bot.conversation import Conversation
from bot.telegram.client import BotClient
from bot.telegram.inline import CHANNEL as INLINE
from bot.telegram.inline import MAX_AT_ONCE, Inline
from storage.live.inbox import RedisInbox
from storage.live.keys import Keys
from storage.live.presence import process_name
from storage.live.replies import RedisReplies
from storage.log.sql_log import SqlLog, sql_log
from tests.bot.telegram.background import running
from tests.bot.telegram.rig import Rig
from tests.fakes import GREETING_SEED, SEEDS
from tests.storage.log.empty import empty_log
from tests.telegram_server import TOKEN, FakeTelegram, telegram_server


@pytest.fixture
async def telegram() -> AsyncIterator[FakeTelegram]:
    """The fake Bot API server."""
    async with telegram_server() as fake:
        yield fake


@pytest.fixture
async def client(telegram: FakeTelegram) -> AsyncIterator[BotClient]:
    """A client that has introduced itself."""
    async with BotClient(TOKEN, telegram.url) as client:
        yield client


@pytest.fixture
def log_url(tmp_path: Path) -> str:
    """The URL of an empty log."""
    return empty_log(tmp_path / "log.db")


@pytest.fixture
async def log(log_url: str) -> AsyncIterator[SqlLog]:
    """An empty log."""
    async with sql_log(log_url) as log:
        yield log


@pytest.fixture
def inbox(redis: Redis, keys: Keys) -> RedisInbox:
    """The inbox in a real valkey."""
    return RedisInbox(redis, keys)


@pytest.fixture
def conversation(log: SqlLog, inbox: RedisInbox) -> Conversation:
    """The use cases, with a seed that greets by default."""
    return Conversation(log, inbox, SEEDS, [GREETING_SEED.name])


@pytest.fixture
def make_inline(redis: Redis, keys: Keys, inbox: RedisInbox) -> Callable[[BotClient], Inline]:
    """Makes what answers inline queries."""
    replies = RedisReplies(redis, keys, INLINE, process_name(INLINE))
    return lambda client: Inline(client, SEEDS, Asides(inbox, replies, MAX_AT_ONCE))


@pytest.fixture
async def rig(telegram: FakeTelegram, client: BotClient, log: SqlLog, conversation: Conversation) -> AsyncIterator[Rig]:
    """The whole Telegram side without a worker."""
    rig = Rig(telegram, client, log, conversation)
    async with running(rig.delivery.run()):
        yield rig
