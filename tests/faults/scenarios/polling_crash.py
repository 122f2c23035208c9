"""G1: an update that is fetched by polling is durable before it is confirmed."""

from __future__ import annotations

import asyncio

from tests.faults.checking import judged
from tests.faults.load import Load, Size
from tests.faults.processes import PATIENCE_S
from tests.faults.result import Result
from tests.faults.rig import Rig, rig

_PLACES = ("updates-fetched", "updates-stored", "updates-handled", "updates-committed", "updates-kept")


async def polling_crash(size: Size) -> Result:
    """Kill the bot while it works off a backlog; beside it the same for stock python-telegram-bot."""
    async with rig(size) as built:
        load = await _backlog(built, size)
        places = [f"{built.random.choice(_PLACES)}:{built.random.randint(1, 2)}" for _ in range(size.strikes)]
        deaths = [("--with-limits", "--kill-at", place) for place in places]
        await asyncio.gather(built.start("worker"), built.start("bot", *deaths, ("--with-limits",)))
        async with rig(size) as control:
            lost, kills = await _stock(control, size)
        note = f"stock run_polling lost {lost} of {len(load.said)} to {kills} kills"
        # Nothing is answered while one bot after the other dies early.
        await built.received.until_answered(load.said, patience_s=PATIENCE_S + 6.0 * size.strikes)
        return await judged(built, "G1", load.said, note=note)


async def _stock(control: Rig, size: Size) -> tuple[int, int]:
    """Return how many messages stock python-telegram-bot never answered, and how often it was killed."""
    load = await _backlog(control, size)
    share = max(1, len(load.said) // (size.strikes + 2))
    deaths = [("--kill-after", str(control.random.randint(1, share))) for _ in range(size.strikes)]
    bot = await control.run("stock", [["-m", "tests.faults.stock_bot", *each] for each in (*deaths, ())])
    # It has nothing more to do once it has confirmed everything and then falls silent.
    missing, before = load.said, None
    while before != (before := len(missing)) or await control.telegram("pending"):
        missing = await control.received.until_answered(load.said, patience_s=2.0)
    return len(missing), len(bot.deaths)


async def _backlog(built: Rig, size: Size) -> Load:
    load = built.load()
    for _ in range(size.messages):
        await load.say(range(1, size.chats + 1))
    return load
