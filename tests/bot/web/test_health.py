"""What monitoring sees: 200 only where a message can be answered, and the numbers."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest
from httpx import ASGITransport, AsyncClient

from bot.web.app import web_app
from bot.web.health import health_router
from dialogue.errors import StorageUnavailable
from storage.live.presence import Backlog


@dataclass
class ScriptedVitals:
    """Lives as far as it is told to; `hangs` never answers."""

    is_up: bool = True
    workers: int = 1
    hangs: bool = False

    async def ping(self) -> None:
        await self._answer()

    async def living(self, kind: str) -> list[str]:
        await self._answer()
        return [f"{kind}-{number}" for number in range(self.workers)]

    async def backlog(self) -> Backlog:
        await self._answer()
        return Backlog(waiting=3, in_hand=2)

    async def _answer(self) -> None:
        await asyncio.sleep(3600 if self.hangs else 0)
        if not self.is_up:
            raise StorageUnavailable("Redis: redis://:password@host is down")


async def sql_is_up() -> None:
    await asyncio.sleep(0)


async def sql_is_down() -> None:
    await asyncio.sleep(0)
    raise StorageUnavailable("SQL: down")


def monitor(vitals: ScriptedVitals, is_sql_up: bool = True) -> AsyncClient:
    app = web_app(health_router(vitals, sql_is_up if is_sql_up else sql_is_down, timeout_s=0.05))
    return AsyncClient(transport=ASGITransport(app), base_url="http://chat.test")


async def test_all_is_well() -> None:
    async with monitor(ScriptedVitals()) as client:
        response = await client.get("/healthz")

    assert response.status_code == 200
    assert response.json() == {"status": "ok", "redis": "ok", "sql": "ok", "worker": "ok"}


@pytest.mark.parametrize(
    ("vitals", "is_sql_up", "down"),
    [
        (ScriptedVitals(is_up=False), True, {"redis", "worker"}),
        (ScriptedVitals(hangs=True), True, {"redis", "worker"}),
        (ScriptedVitals(), False, {"sql"}),
        (ScriptedVitals(workers=0), True, {"worker"}),
    ],
)
async def test_what_is_missing_is_named_and_nothing_secret_with_it(
    vitals: ScriptedVitals, is_sql_up: bool, down: set[str]
) -> None:
    async with monitor(vitals, is_sql_up) as client:
        response = await client.get("/healthz")

    assert response.status_code == 503
    assert {part for part, state in response.json().items() if state == "down"} == {"status", *down}
    assert "password" not in response.text


async def test_the_numbers_are_there() -> None:
    async with monitor(ScriptedVitals()) as client:
        response = await client.get("/metrics")

    assert response.headers["content-type"].startswith("text/plain")
    assert "govorun_queue_length 3.0" in response.text
    assert "govorun_jobs_in_hand 2.0" in response.text
    assert "govorun_live_workers 1.0" in response.text


async def test_the_numbers_are_there_without_redis() -> None:
    async with monitor(ScriptedVitals(is_up=False)) as client:
        response = await client.get("/metrics")

    assert response.status_code == 200
    assert "govorun_errors_total" in response.text
