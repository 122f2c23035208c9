"""G10: losing Redis, or the last seconds of it, loses nothing that was said."""

from __future__ import annotations

import asyncio

from tests.faults.checking import judged
from tests.faults.load import Size
from tests.faults.result import Result
from tests.faults.rig import Rig, rig

RECOVERY_S = 30.0
_LOST_S = 2.0


async def redis_crash(size: Size) -> Result:
    """Kill valkey under load, every other time with the end of its append-only file cut off."""
    async with rig(size.seed) as built:
        await built.start_all("bot", "worker", "worker")
        load = built.load()
        kills = max(2, size.strikes * 2 // 5)
        pause_s = (0.1, 3.2 * kills / size.messages)
        crashes = asyncio.create_task(_crash(built, kills))
        await load.chatter(range(1, size.chats + 1), size.messages, pause_s)
        cut = await crashes
        return await judged(built, "G10", load.said, kills, limit_s=RECOVERY_S, note=f"{cut} bytes of the file cut off")


async def _crash(built: Rig, times: int) -> int:
    cut = 0
    for number in range(times):
        await asyncio.sleep(built.random.uniform(1.0, 4.0))
        await built.valkey.kill()
        if number % 2:
            cut += built.valkey.forget_last(_LOST_S)
        await asyncio.sleep(built.random.uniform(0.0, 1.0))
        await built.valkey.start()
    return cut
