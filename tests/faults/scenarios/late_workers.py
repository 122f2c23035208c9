"""G12: what waits for workers is never trimmed."""

from __future__ import annotations

import asyncio

from tests.faults.checking import judged
from tests.faults.load import Size
from tests.faults.result import Result
from tests.faults.rig import rig


async def late_workers(size: Size) -> Result:
    """Let everything be said before the first worker starts."""
    async with rig(size) as built:
        await built.start("bot")
        load = built.load()
        for _ in range(size.messages):
            await load.say(range(1, size.chats + 1))
        async with asyncio.timeout(60):
            while await built.log.pending_updates(4242, limit=1):
                await asyncio.sleep(0.1)
        await built.start_all("worker", "worker")
        return await judged(built, "G12", load.said, injected=1)
