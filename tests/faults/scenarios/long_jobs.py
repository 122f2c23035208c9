"""G7: a long generation of a living worker is never taken from it."""

from __future__ import annotations

from collections import Counter

from storage.live.keys import ALIVE_LIFETIME_S
from tests.faults.checking import judged
from tests.faults.load import Size
from tests.faults.result import Result
from tests.faults.rig import Rig, rig


async def long_jobs(size: Size) -> Result:
    """Let each reply take far longer than a heartbeat lives."""
    async with rig(size) as built:
        heartbeats = 10 if size.is_large else 4
        await built.start_all("bot", *["worker"] * 4)
        load = built.load()
        await load.say(range(1, size.chats + 1), lambda nonce: f"{nonce} sleep={heartbeats * ALIVE_LIFETIME_S}")
        await built.received.until_answered(load.said)
        twice = {nonce: times for nonce, times in generated(built).items() if times > 1}
        complaints = [f"written more than once: {twice}"] if twice else []
        note = f"each took {heartbeats} lifetimes of a heartbeat"
        return await judged(built, "G7", load.said, len(load.said), complaints=complaints, note=note)


def generated(built: Rig) -> Counter[str]:
    """Return how often the workers wrote a reply to each message."""
    lines = [line.split()[1:] for service in built.services for line in service.lines if line.startswith("generated")]
    return Counter(nonce for line in lines for nonce in line)
