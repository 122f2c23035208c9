"""One world for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from httpx import AsyncClient

from storage.operators import Role
from tests.bot.review.world import World, open_world
from tests.storage.conftest import database_url, postgres

__all__ = ["database_url", "postgres"]


@pytest.fixture
async def world(redis_url: str, tmp_path: Path) -> AsyncIterator[World]:
    """The review, and a chat page beside it."""
    async with open_world(redis_url, tmp_path) as world:
        yield world


@pytest.fixture(params=["session", "token"])
async def lead(request: pytest.FixtureRequest, world: World) -> AsyncIterator[AsyncClient]:
    """A lead's browser, or a lead's program."""
    if request.param == "session":
        async with world.operator(Role.LEAD) as browser:
            yield browser
    else:
        async with world.log.writing() as writing:
            secret, _ = await writing.make_token(world.operators[Role.LEAD], "a program")
        async with world.browser() as program:
            program.headers["Authorization"] = f"Bearer {secret}"
            yield program
