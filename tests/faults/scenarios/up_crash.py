"""What `govorun up` runs is as durable as its parts: killed with its Valkey and started again, it has lost nothing."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from storage.live.embedded import embedded_redis
from storage.live.redis_connection import redis_connection
from tests.faults.checking import judged
from tests.faults.load import Size
from tests.faults.result import Result
from tests.faults.rig import rig


async def up_crash(size: Size) -> Result:
    """Kill `govorun up` under load, again and again; then let it go on to the end."""
    async with rig(size) as built, AsyncExitStack() as stack:
        del built.settings["GOVORUN_REDIS_URL"]
        built.choose_web_port()
        everything = await built.run("up", [["-m", "bot.cli", "up"]])
        load = built.load()
        strikes = max(2, size.strikes // 5)
        talking = asyncio.create_task(
            load.chatter(range(1, size.chats + 1), size.messages, (0.1, 12.0 * strikes / size.messages))
        )
        for _ in range(strikes):
            await asyncio.sleep(built.random.uniform(1.0, 4.0))
            starts = everything.starts
            everything.kill()
            await everything.until(lambda starts=starts: everything.starts > starts)  # type: ignore[misc]
        await talking
        # The Valkey of its own: from here on it stays, to be looked into.
        url = await stack.enter_async_context(embedded_redis(built.folder / "data"))
        built.redis = await stack.enter_async_context(redis_connection(url))
        return await judged(built, "G15", load.said, strikes, note="`govorun up` killed, and all that it runs with it")
