"""G5: a bot that is killed loses nothing; only between sending and marking can a message go out twice, marked so."""

from __future__ import annotations

import asyncio
from itertools import cycle, islice

from tests.faults.checking import judged
from tests.faults.load import Size
from tests.faults.result import Result
from tests.faults.rig import rig

_PROMISED = (
    "session-committed",  # before the messages are queued
    "updates-committed",  # after that
    "reply-read",
    "message-sent",  # not marked yet: here a double is possible
)
_OTHERS = ("reply-recorded", "message-sending", "message-marked")


async def bot_crash(size: Size) -> Result:
    """Kill the bot at each place of a message's life in turn."""
    async with rig(size) as built:
        strikes = size.strikes if size.is_large else len(_PROMISED)
        places = list(islice(cycle(_PROMISED + _OTHERS), strikes))
        built.random.shuffle(places)
        # Within Telegram's limits: how many messages are on their way at once decides how many may come twice.
        deaths = [("--with-limits", "--kill-at", f"{place}:{built.random.randint(1, 3)}") for place in places]
        await asyncio.gather(built.start("worker"), built.start("bot", *deaths, ("--with-limits",)))
        load = built.load()
        # About as long as the strikes take, each of them some five seconds.
        await load.chatter(range(1, size.chats + 1), size.messages, pause_s=(0.1, 6.0 * strikes / size.messages))
        note = f"{places.count('message-sent')} of the kills between sending and marking"
        return await judged(built, "G5", load.said, note=note)
