"""G15: restarting every process one by one loses and repeats nothing, and takes no time that anybody notices."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

from tests.faults.checking import judged
from tests.faults.load import Size
from tests.faults.result import Result
from tests.faults.rig import rig
from tests.faults.scenarios.long_jobs import generated

STOP_S = 10.0
_LONGER_THAN_GRACE_S = 7
_PATIENT = (1, 2, 3, 4)


async def rolling_restart(size: Size) -> Result:
    """Send SIGTERM to one process after the other, under load."""
    async with rig(size) as built:
        services = await built.start_all("bot", "bot", "worker", "worker")
        load = built.load()
        rounds = max(1, size.strikes // len(services))
        talking = asyncio.create_task(
            load.chatter(range(_PATIENT[-1] + 1, size.chats + 1), size.messages, (0.1, rounds * 12.0 / size.messages))
        )
        took_s: list[float] = []
        for service in services * rounds:
            if len(took_s) == len(services) * rounds - 1:
                # Some of these are in the hands of the last worker to end: it hands them back.
                for chat_id in _PATIENT:
                    await load.say([chat_id], lambda nonce: f"{nonce} sleep={_LONGER_THAN_GRACE_S}")
            built.strikes.append(time.time())
            took_s.append(await service.restart())
        await talking
        await built.received.until_answered(load.said)
        complaints = [f"a process took {each:.1f} s to end" for each in took_s if each > STOP_S]
        again = sum(times - 1 for times in generated(built).values())
        if again:
            complaints.append(f"{again} messages were answered again")
        note = f"{len(took_s)} restarts, the slowest process ended within {max(took_s):.1f} s"
        result = await judged(built, "G15", load.said, len(took_s), complaints=complaints, note=note)
        twice = [f"{result.flagged} messages were sent twice"] if result.flagged else []
        return replace(result, complaints=(*result.complaints, *twice))
