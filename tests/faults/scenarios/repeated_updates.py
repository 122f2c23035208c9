"""G3: an update is handled once, however often and to whichever process it comes."""

from __future__ import annotations

import asyncio

from sqlalchemy import update

from storage.log.sql import sql_engines, transaction
from storage.log.tables import updates
from tests.faults.checking import judged
from tests.faults.load import Size
from tests.faults.result import Result
from tests.faults.rig import Rig, rig

_DAY_AND_MORE_S = 25 * 3600


async def repeated_updates(size: Size) -> Result:
    """Have every update pushed two to five times to three bots, the last time a day later and after a restart."""
    async with rig(size) as built:
        built.take_pushes()
        services = await built.start_all("web", "bot", "bot", "bot", "worker")
        load = built.load()
        await load.chatter(range(1, size.chats + 1), size.messages, pause_s=(0.05, 0.4))
        repeats = 0
        for _ in range(built.random.randint(1, 3)):
            repeats += await built.telegram("repeat")
        await built.received.until_answered(load.said)
        await asyncio.gather(*(service.stop() for service in services))
        await _let_pass(built, _DAY_AND_MORE_S)
        await asyncio.gather(*(service.start() for service in services))
        repeats += await built.telegram("repeat")
        await _until_taken(built)
        return await judged(built, "G3", load.said, injected=repeats, note=f"{repeats} repeated updates")


async def _let_pass(built: Rig, seconds: float) -> None:
    """Make everything that is kept of updates older, which is what a later time comes to."""
    async with sql_engines(built.sql_url) as engines, transaction(engines.writing) as connection:
        older = {name: updates.c[name] - seconds for name in ("received_at", "handled_at")}
        await connection.execute(update(updates).values(**older))


async def _until_taken(built: Rig) -> None:
    async with asyncio.timeout(60):
        while await built.telegram("pending"):
            await asyncio.sleep(0.1)
