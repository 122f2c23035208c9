"""G4: a worker that is killed neither loses nor doubles a reply."""

from __future__ import annotations

import asyncio

from tests.faults.checking import judged
from tests.faults.load import Size
from tests.faults.result import Result
from tests.faults.rig import rig

RECOVERY_S = 10.0
_PLACES = ("worker-recalled", "worker-generated", "worker-finished")


async def worker_crash(size: Size) -> Result:
    """Kill workers while they write, half of the times at the worst places."""
    async with rig(size) as built:
        exact = size.strikes // 2
        places = [f"{built.random.choice(_PLACES)}:{built.random.randint(1, size.messages)}" for _ in range(exact)]
        first = built.start("worker", *(("--kill-at", place) for place in places), ())
        others = built.start_all("bot", *["worker"] * (3 if size.is_large else 1))
        _, (_, *workers) = await asyncio.gather(first, others)
        load = built.load()
        # As long as the strikes take.
        pause_s = (0.1, max(1.2, 1.25 * size.strikes / size.messages))
        await asyncio.gather(
            load.chatter(range(1, size.chats + 1), size.messages, pause_s),
            built.kill_one_by_one(workers, size.strikes - exact, pause_s=(0.5, 2.0)),
        )
        return await judged(built, "G4", load.said, limit_s=RECOVERY_S)
