"""G6: a process that stood still and was taken for dead does no harm when it goes on."""

from __future__ import annotations

import asyncio
import signal
import time

from storage.live.keys import ALIVE_LIFETIME_S, LEASE_LIFETIME_S
from tests.faults.checking import judged
from tests.faults.load import Size
from tests.faults.processes import Service
from tests.faults.result import Result
from tests.faults.rig import Rig, rig

_BOT_PLACES = ("reply-read", "reply-recorded", "message-sending", "message-sent", "updates-stored", "updates-committed")

_APART = 10  # replies between two stops of a worker


async def zombie_worker(size: Size) -> Result:
    """Stop workers with replies in hand for three times as long as a heartbeat lives."""
    async with rig(size) as built:
        zombies = 6 if size.is_large else 3
        stops = 8 if size.is_large else 1
        _, *stopped = await asyncio.gather(
            built.start("bot"), *(_worker(built, stops) for _ in range(zombies)), built.start("worker")
        )
        stopped.pop()  # the one that stays alive
        load = built.load()
        await asyncio.gather(
            load.chatter(range(1, size.chats + 1), size.messages, pause_s=(0.1, 1.0)),
            *(_wake(built, each, stops, 3 * ALIVE_LIFETIME_S) for each in stopped),
        )
        await built.received.until_answered(load.said)
        refused = sum(each.log.read_text().count("is out of date") for each in stopped)
        complaints = [] if refused >= stops * zombies else [f"only {refused} late results were refused"]
        note = f"{refused} late results refused"
        return await judged(built, "G6", load.said, stops * zombies, complaints=complaints, note=note)


async def zombie_bot(size: Size) -> Result:
    """Stop the bot until another has its lease, and let it go on."""
    async with rig(size) as built:
        places = built.random.sample(_BOT_PLACES, k=len(_BOT_PLACES) if size.is_large else 1)
        load = built.load()
        complaints = []
        await built.start("worker")
        for place in places:
            first = await built.start("bot", ("--stop-at", f"{place}:{built.random.randint(1, 3)}"), ())
            second = await built.start("bot")
            talking = load.chatter(range(1, size.chats + 1), max(2, size.messages // len(places)), pause_s=(0.1, 1.0))
            await asyncio.gather(talking, _wake(built, first, 1, 3 * LEASE_LIFETIME_S))
            if await built.received.until_answered(load.said):
                complaints.append(f"stopped at {place}, not everything was answered")
            await asyncio.gather(first.stop(), second.stop())
        note = f"bots stopped at {', '.join(places)}"
        return await judged(built, "G6", load.said, len(places), complaints=complaints, note=note)


async def _worker(built: Rig, stops: int) -> Service:
    at = [built.random.randint(1 + number * _APART, (number + 1) * _APART) for number in range(stops)]
    places = [option for count in sorted(at) for option in ("--stop-at", f"worker-generated:{count}")]
    return await built.start("worker", places, ())


async def _wake(built: Rig, service: Service, times: int, after_s: float) -> None:
    for number in range(1, times + 1):
        await service.until(lambda number=number: service.lines.count("stopped") >= number)  # type: ignore[misc]
        built.strikes.append(time.time())
        await asyncio.sleep(after_s)
        service.signal(signal.SIGCONT)
