"""Logs that are full, for tests of what becomes slow or wrong only there."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator

import pytest

from benchmarks.bulk import fill
from benchmarks.full_log import FullLog
from storage.log.migrate import migrate
from storage.log.sql_log import sql_log
from storage.log.tables import turns
from storage.operators import Operator, Role

FULL_AT = 1_700_000_000.0
_ANN = Operator(1, "ann", Role.LEAD)


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def full_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A database of each kind with 3,000 dialogues of 10 turns, only to be read; its time is FULL_AT."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('full') / 'log.db'}"
        asyncio.run(_fill(url))
        yield url
    else:
        server, name = request.getfixturevalue("postgres"), f"full_{secrets.token_hex(6)}"
        server.psql(f"CREATE DATABASE {name} TEMPLATE template;")
        asyncio.run(_fill(server.get_uri(name)))
        yield server.get_uri(name)
        server.psql(f"DROP DATABASE {name};")


@pytest.fixture(scope="session")
def full_said() -> list[tuple[str, str]]:
    """What was said in these databases: the dialogue and the words of each turn, from the first to the last."""
    return [(row["dialogue_id"], row["text"]) for batch in _full_log().batches() for row in batch[turns]]


async def _fill(url: str) -> None:
    await migrate(url)
    async with sql_log(url) as log, log.writing() as writing:
        assert await writing.add_operator(_ANN.name, _ANN.role, "no hash") == _ANN
    await fill(url, _full_log().batches())


def _full_log() -> FullLog:
    return FullLog(3000, 10, FULL_AT, [_ANN])
