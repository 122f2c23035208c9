"""G19: Telegram's limits are kept, and a 429 pauses only the chat that it is about."""

from __future__ import annotations

import asyncio
import time
from statistics import quantiles

from tests.faults.checking import judged
from tests.faults.load import Said, Size
from tests.faults.result import Result
from tests.faults.rig import Rig, rig

_MOST_REFUSED = 0.01


async def limits(size: Size) -> Result:
    """Talk in many chats and some groups to a server that counts, and have it pause one chat in between."""
    async with rig(size, telegram_options=["--strict"]) as built:
        await asyncio.gather(built.start("bot", ("--with-limits",)), built.start("worker"))
        load = built.load()
        groups = [-1 - number for number in range(max(2, size.chats // 20))]
        seconds = 300.0 if size.is_large else 6.0
        retry_after_s = 7 if size.is_large else 3
        rounds = max(3, int(seconds / 10))
        paused = 1
        people = range(1, size.chats + 1)
        talking = asyncio.gather(
            load.chatter(people, rounds, pause_s=(seconds / rounds * 0.8, seconds / rounds * 1.2)),
            load.chatter(groups, rounds, pause_s=(seconds / rounds * 0.8, seconds / rounds * 1.2)),
        )
        await asyncio.sleep(seconds / 3)
        await built.telegram(
            "fail", method="sendMessage", status=429, chat_id=paused, parameters={"retry_after": retry_after_s}
        )
        paused_at = time.time()
        await talking
        await built.received.until_answered(load.said)
        refused, sent = built.received.refused.count(429) - 1, len(built.received.all)
        complaints = [f"{refused} of {sent} messages were refused"] if refused > _MOST_REFUSED * sent else []
        others = [each for each in load.said if each.chat_id > 0 and each.chat_id != paused]
        meanwhile = [each for each in others if paused_at <= each.at <= paused_at + retry_after_s]
        before = [each for each in others if each.at < paused_at]
        note = (
            f"{refused} of {sent} refused; p95 of the other chats {_p95(built, before):.2f} s before, "
            f"{_p95(built, meanwhile):.2f} s while one was paused"
        )
        return await judged(built, "G19", load.said, injected=1, complaints=complaints, note=note)


def _p95(built: Rig, said: list[Said]) -> float:
    waits = [at - each.at for each in said if (at := built.received.answered_at(each.nonce)) is not None]
    return quantiles(waits, n=20)[-1]
