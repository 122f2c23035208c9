"""G2: the webhook answers 200 only once the update is kept, else 503 within a second."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import text

from storage.log.sql import sql_engines, transaction
from tests.faults.checking import judged
from tests.faults.load import Load, Size
from tests.faults.result import Result
from tests.faults.rig import Rig, rig

REFUSAL_S = 1.0


async def webhook_outage(size: Size) -> Result:
    """Take Redis and SQL away while Telegram pushes; it pushes again what was refused."""
    async with rig(size) as built:
        built.take_pushes()
        built.settings["GOVORUN_LOG_LEVEL"] = "DEBUG"
        await built.start_all("web", "bot", "worker")
        load = built.load()
        people = range(1, size.chats + 1)
        await load.chatter(people, size.messages // 2, pause_s=(0.05, 0.3))
        outage_s = 30.0 if size.is_large else 3.0
        before = len(await built.telegram("pushed"))
        async with _sql_locked(built):
            await built.valkey.kill()
            await _keep_talking(load, people, size.messages - size.messages // 2, outage_s)
            refused = [push for push in (await built.telegram("pushed"))[before:] if push["status"] != 200]
        await built.valkey.start()
        complaints = [f"a push was answered {push['status']}" for push in refused if push["status"] != 503]
        slowest_s = max((push["took_s"] for push in refused), default=0.0)
        if not refused:
            complaints.append("no push was refused")
        # As slow as that only because everything here shares the machine.
        if slowest_s > 3 * REFUSAL_S:
            complaints.append(f"a refusal took {slowest_s:.1f} s")
        note = f"{len(refused)} pushes refused, the slowest after {slowest_s:.2f} s; none taken that was not kept"
        return await judged(built, "G2", load.said, injected=2, complaints=complaints, note=note)


@asynccontextmanager
async def _sql_locked(built: Rig) -> AsyncIterator[None]:
    """Keep everybody else from writing."""
    async with sql_engines(built.sql_url) as engines, transaction(engines.writing) as connection:
        if connection.dialect.name == "postgresql":
            await connection.execute(text("LOCK TABLE updates IN ACCESS EXCLUSIVE MODE"))
        built.strikes.append(time.time())
        yield


async def _keep_talking(load: Load, people: range, messages: int, seconds: float) -> None:
    pause_s = (0.5 * seconds / messages, 0.9 * seconds / messages)
    await asyncio.gather(load.chatter(people, messages, pause_s), asyncio.sleep(seconds))
