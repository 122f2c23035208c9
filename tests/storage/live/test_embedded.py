from __future__ import annotations

import asyncio
import os
import signal
import stat
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import unquote

import pytest
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ConstantBackoff

from dialogue.errors import SettingsError
from storage.live.embedded import embedded_redis

USE_UNTIL_KILLED = """
import asyncio, sys
from pathlib import Path
from storage.live.embedded import embedded_redis

async def main():
    async with embedded_redis(Path(sys.argv[1])) as url:
        print(url, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """Short enough for a socket, and with what is awkward in a command line."""
    with tempfile.TemporaryDirectory(prefix='gv "x" ') as folder:
        yield Path(folder)


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Redis]:
    # Through the moment in which a killed server is started again.
    retry = Retry(ConstantBackoff(0.1), 50)
    async with Redis.from_url(url, decode_responses=True, retry=retry) as redis:
        yield redis


async def server_pid(redis: Redis) -> int:
    return int((await redis.info("server"))["process_id"])


async def is_gone(pid: int) -> bool:
    async with asyncio.timeout(20):
        while is_alive(pid):
            await asyncio.sleep(0.02)
    return True


def is_alive(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"


def listening_ports(pid: int) -> list[str]:
    sockets = {link.readlink().name for link in Path(f"/proc/{pid}/fd").iterdir() if link.is_symlink()}
    rows = [
        row.split() for table in ("tcp", "tcp6") for row in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()
    ]
    return [row[1] for row in rows if f"socket:[{row[9]}]" in sockets]


async def test_nobody_else_can_reach_it(data_dir: Path) -> None:
    async with embedded_redis(data_dir) as url, connected(url) as redis:
        socket = Path(unquote(url.removeprefix("unix://")))

        assert listening_ports(await server_pid(redis)) == []
        assert stat.S_IMODE(socket.stat().st_mode) == 0o700
        assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700


async def test_it_throws_nothing_away_and_writes_everything_down(data_dir: Path) -> None:
    async with embedded_redis(data_dir) as url, connected(url) as redis:
        config = await redis.config_get("maxmemory-policy", "appendonly", "appendfsync")

    assert config == {"maxmemory-policy": "noeviction", "appendonly": "yes", "appendfsync": "everysec"}


async def test_what_was_written_is_there_after_a_restart(data_dir: Path) -> None:
    async with embedded_redis(data_dir) as url, connected(url) as redis:
        await redis.set("said", "привет")
        pid = await server_pid(redis)
    assert await is_gone(pid)

    async with embedded_redis(data_dir) as url, connected(url) as redis:
        assert await redis.get("said") == "привет"


async def test_two_users_share_one_server_and_the_last_one_stops_it(data_dir: Path) -> None:
    async with embedded_redis(data_dir) as url, connected(url) as redis:
        async with embedded_redis(data_dir) as second_url:
            assert second_url == url
        pid = await server_pid(redis)
        assert is_alive(pid)

    assert not is_alive(pid)


async def test_two_who_start_at_once_get_one_server(data_dir: Path) -> None:
    async def pid() -> int:
        async with embedded_redis(data_dir) as url, connected(url) as redis:
            await both.wait()
            return await server_pid(redis)

    both = asyncio.Barrier(2)

    first, second = await asyncio.gather(pid(), pid())

    assert first == second


async def test_a_server_that_is_killed_comes_back_with_its_data(data_dir: Path) -> None:
    async with embedded_redis(data_dir) as url, connected(url) as redis:
        await redis.set("said", "hello")
        pid = await server_pid(redis)

        os.kill(pid, signal.SIGKILL)

        assert await redis.get("said") == "hello"
        assert await server_pid(redis) != pid


async def test_it_does_not_outlive_a_user_who_was_killed(data_dir: Path) -> None:
    user = await asyncio.create_subprocess_exec(
        sys.executable, "-c", USE_UNTIL_KILLED, str(data_dir), stdout=asyncio.subprocess.PIPE
    )
    assert user.stdout is not None
    url = (await user.stdout.readline()).decode().strip()
    async with connected(url) as redis:
        pid = await server_pid(redis)

    user.kill()
    await user.wait()

    assert await is_gone(pid)


async def test_a_server_whose_keeper_was_killed_is_used_and_not_doubled(data_dir: Path) -> None:
    async with embedded_redis(data_dir) as url, connected(url) as redis:
        pid = await server_pid(redis)
        keeper = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        os.kill(keeper, signal.SIGKILL)
        assert await is_gone(keeper)

        async with embedded_redis(data_dir) as second_url, connected(second_url) as second:
            assert await server_pid(second) == pid
        os.kill(pid, signal.SIGTERM)
        assert await is_gone(pid)


async def test_a_long_path_gets_a_private_socket_elsewhere(tmp_path: Path) -> None:
    data_dir = tmp_path / ("long" * 25)

    async with embedded_redis(data_dir) as url, connected(url) as redis:
        socket = Path(unquote(url.removeprefix("unix://")))

        assert await redis.ping()
        assert len(bytes(socket)) <= 100
        assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700
    socket.parent.rmdir()


async def test_a_socket_folder_that_others_may_enter_is_refused(tmp_path: Path) -> None:
    data_dir = tmp_path / ("long" * 25)
    async with embedded_redis(data_dir) as url:
        private = Path(unquote(url.removeprefix("unix://"))).parent
    private.chmod(0o755)

    with pytest.raises(SettingsError, match="GOVORUN_DATA_DIR"):
        async with embedded_redis(data_dir):
            pass
    private.rmdir()
