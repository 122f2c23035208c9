"""G10: losing Redis, or the last seconds of it, loses nothing that was said."""

from __future__ import annotations

import asyncio

from tests.faults.checking import judged
from tests.faults.load import Size
from tests.faults.result import Result
from tests.faults.rig import Rig, rig

RECOVERY_S = 30.0
_LOST_S = 2.0
_STALL_S = 7.0


async def redis_crash(size: Size) -> Result:
    """Kill valkey under load; each second time the end of its file is cut off, each third time all of it is gone."""
    async with rig(size) as built:
        # Two bots: with Redis the lease is lost too, and either may have it then.
        built.settings["GOVORUN_LOG_LEVEL"] = "DEBUG"
        await built.start_all("bot", "bot", "worker", "worker")
        load = built.load()
        kills = max(3, size.strikes * 2 // 5)
        crashes = asyncio.create_task(_crash(built, kills))
        pause_s = (0.1, 3.2 * kills / size.messages)
        await load.chatter(range(1, size.chats + 1), size.messages, pause_s)
        lost = await crashes
        return await judged(built, "G10", load.said, kills, limit_s=RECOVERY_S, note=f"{lost} bytes of Redis lost")


async def redis_stall(size: Size) -> Result:
    """Let valkey stand still for longer than anybody waits for it, again and again."""
    async with rig(size) as built:
        await built.start_all("bot", "worker", "worker")
        load = built.load()
        stalls = max(1, size.strikes // 5)
        pause_s = (0.1, 16.0 * stalls / size.messages)
        talking = asyncio.create_task(load.chatter(range(1, size.chats + 1), size.messages, pause_s))
        for _ in range(stalls):
            await asyncio.sleep(built.random.uniform(0.5, 1.5))
            await built.valkey.stall(_STALL_S)
        await talking
        return await judged(
            built, "G10", load.said, stalls, limit_s=RECOVERY_S, note=f"stood still for {_STALL_S:.0f} s"
        )


async def _crash(built: Rig, times: int) -> int:
    lost = 0
    for number in range(times):
        await asyncio.sleep(built.random.uniform(1.0, 4.0))
        await built.valkey.kill()
        if number % 3 == 1:
            lost += built.valkey.forget_last(_LOST_S)
        elif number % 3 == 2:
            lost += built.valkey.forget_all()
        await asyncio.sleep(built.random.uniform(0.0, 1.0))
        await built.valkey.start()
    return lost
