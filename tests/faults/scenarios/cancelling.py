"""G18: what is called off is not answered any more, and its place is free at once."""

from __future__ import annotations

import asyncio
import time

from tests.faults.checking import judged
from tests.faults.load import Load, Size
from tests.faults.result import Result
from tests.faults.rig import Rig, rig

RECOVERY_S = 10.0
# Without cancellation, nothing would be answered within the patience of any test.
_FOR_EVER_S = 1000


async def cancelling(size: Size) -> Result:
    """Call off replies that are being written or wait, then see whether there is room for others."""
    async with rig(size) as built:
        await asyncio.gather(built.start("bot"), built.start("worker", ("--slots", "4")))
        load = built.load()
        dropped: set[str] = set()
        await asyncio.gather(*(_change_of_mind(built, load, chat_id, dropped) for chat_id in range(1, size.chats + 1)))
        complaints = []
        await built.received.until_answered([each for each in load.said if each.nonce not in dropped])
        for each in built.received.all:
            late = [nonce for nonce in dropped if nonce in each.text]
            if late and not any(said.nonce in each.text for said in load.said if said.nonce not in dropped):
                complaints.append(f"{late} was answered after it was called off")
        return await judged(
            built, "G18", load.said, len(dropped), excused=dropped, limit_s=RECOVERY_S, complaints=complaints
        )


async def _change_of_mind(built: Rig, load: Load, chat_id: int, dropped: set[str]) -> None:
    await asyncio.sleep(built.random.uniform(0.0, 2.0))
    dropped |= {each.nonce for each in await load.say([chat_id], lambda nonce: f"{nonce} sleep={_FOR_EVER_S}")}
    await asyncio.sleep(built.random.uniform(0.0, 3.0))
    await built.telegram("say", chat_id=chat_id, text=built.random.choice(["/cancel", "/new", "/undo"]))
    built.strikes.append(time.time())
    await load.say([chat_id])
