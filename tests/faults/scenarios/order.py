"""G8: within a chat, one turn at a time and everything in order."""

from __future__ import annotations

from tests.faults.checking import judged
from tests.faults.load import Size
from tests.faults.result import Result
from tests.faults.rig import rig


async def order(size: Size) -> Result:
    """Let people write faster than they are answered, to several bots and workers."""
    async with rig(size) as built:
        await built.start_all("bot", "bot", "bot", *["worker"] * (4 if size.is_large else 2))
        load = built.load()
        await load.chatter(range(1, size.chats + 1), size.messages, pause_s=(0.0, 0.5))
        return await judged(built, "G8", load.said, injected=0, note="bursts are answered together")
