"""One world for each test; the browser's tests share one, where every page is a visitor of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.bot.web.world import World, open_world


@pytest.fixture
async def world(redis_url: str, tmp_path: Path) -> AsyncIterator[World]:
    """A chat page with real storage."""
    async with open_world(redis_url, tmp_path) as world:
        yield world
