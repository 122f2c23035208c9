"""G5: a bot that is killed loses nothing; only between sending and marking can a message go out twice, marked so."""

from __future__ import annotations

import asyncio

from tests.faults.checking import judged
from tests.faults.load import Size
from tests.faults.result import Result
from tests.faults.rig import rig

RECOVERY_S = 10.0
_PLACES = (
    "session-committed",  # before the messages are queued
    "updates-committed",  # after that
    "reply-read",
    "message-sent",  # not marked yet: here a double is possible
    "reply-recorded",
    "message-sending",
)


async def bot_crash(size: Size) -> Result:
    """Kill the bot at each place of a message's life in turn."""
    async with rig(size) as built:
        places = [_PLACES[number % len(_PLACES)] for number in range(size.strikes)]
        built.random.shuffle(places)
        deaths = [("--kill-at", f"{place}:{built.random.randint(1, 3)}") for place in places]
        await asyncio.gather(built.start("worker"), built.start("bot", *deaths))
        load = built.load()
        await load.chatter(range(1, size.chats + 1), size.messages, pause_s=(0.1, 1.5))
        note = f"{places.count('message-sent')} of the kills between sending and marking"
        return await judged(built, "G5", load.said, limit_s=RECOVERY_S, note=note)
