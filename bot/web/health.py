"""What monitoring asks of the process: can messages be answered, and the numbers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST

from bot.metrics import JOBS_IN_HAND, LIVE_WORKERS, QUEUE_LENGTH, exposition
from dialogue.errors import StorageUnavailable
from storage.live.presence import Backlog

logger = logging.getLogger(__name__)

# Shorter than the second that Kubernetes gives a probe by default.
TIMEOUT_S = 0.9

WORKER = "worker"


class Vitals(Protocol):
    """Signs of life in Redis (`storage.live.presence.Presence`)."""

    async def ping(self) -> None:
        """Raise StorageUnavailable where Redis does not answer."""

    async def living(self, kind: str) -> Sequence[str]:
        """Return the names of the living processes of a kind."""

    async def backlog(self) -> Backlog:
        """Count the jobs."""


def health_router(vitals: Vitals, ping_sql: Callable[[], Awaitable[None]], timeout_s: float = TIMEOUT_S) -> APIRouter:
    """Return `/healthz` (200 where messages can be answered, else 503 and what is missing) and `/metrics`."""
    router = APIRouter()

    async def find_worker() -> None:
        if not await vitals.living(WORKER):
            raise StorageUnavailable("no worker has a heartbeat")

    async def measure() -> None:
        backlog = await vitals.backlog()
        QUEUE_LENGTH.set(backlog.waiting)
        JOBS_IN_HAND.set(backlog.in_hand)
        LIVE_WORKERS.set(len(await vitals.living(WORKER)))

    @router.get("/healthz")
    async def healthz() -> Response:
        checks = {"redis": vitals.ping, "sql": ping_sql, "worker": find_worker}
        passed = await asyncio.gather(*[_passes(name, check, timeout_s) for name, check in checks.items()])
        states = {name: "ok" if is_passed else "down" for name, is_passed in zip(checks, passed, strict=True)}
        is_well = all(passed)
        return JSONResponse({"status": "ok" if is_well else "down", **states}, 200 if is_well else 503)

    @router.get("/metrics")
    async def metrics() -> Response:
        # Without Redis the other numbers matter all the more, and these keep their last value.
        await _passes("backlog", measure, timeout_s)
        # In a thread, because it reads a file of every process.
        return Response(await asyncio.to_thread(exposition), media_type=CONTENT_TYPE_LATEST)

    return router


async def _passes(name: str, check: Callable[[], Awaitable[None]], timeout_s: float) -> bool:
    try:
        async with asyncio.timeout(timeout_s):
            await check()
    except (StorageUnavailable, TimeoutError) as error:
        logger.warning("%s is down: %s", name, str(error) or "no answer in time")
        return False
    return True
