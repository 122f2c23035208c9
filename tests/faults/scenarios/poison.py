"""G9: a message that kills its worker is put aside after three of them, and harms nobody else."""

from __future__ import annotations

import asyncio

from bot.texts import text
from dialogue.turns import Outcome
from dialogue.worker import MAX_TRIES
from tests.faults.checking import judged
from tests.faults.load import Load, Size
from tests.faults.result import Result
from tests.faults.rig import Rig, rig
from tests.faults.rigged_engine import POISON

RECOVERY_S = 30.0


async def poison(size: Size) -> Result:
    """Let a few people send what kills any worker, in the midst of everybody's talk."""
    async with rig(size) as built:
        poisoners = range(1, 1 + max(1, size.strikes // 10))
        await built.start_all("bot", "worker", "worker", *["worker"] * (2 if size.is_large else 0))
        load = built.load()
        # A dialogue with a past: what is put aside must not come back with it.
        await load.say(poisoners)
        await built.received.until_answered(load.said)
        others = range(poisoners[-1] + 1, size.chats + 1)
        poisonous, _ = await asyncio.gather(
            _poisoned(built, load, poisoners), load.chatter(others, size.messages, (0.2, 1.5))
        )
        await built.received.until_answered([each for each in load.said if each.nonce not in poisonous])
        complaints = []
        deaths = sum(len(service.deaths) for service in built.services)
        if deaths != MAX_TRIES * len(poisonous):
            complaints.append(f"{deaths} workers died of {len(poisonous)} messages")
        if (put_aside := await built.redis.xlen(built.keys.put_aside)) != len(poisonous):
            complaints.append(f"{put_aside} messages were put aside")
        note = f"{len(poisonous)} poisonous messages killed {deaths} workers and were put aside, their authors told"
        return await judged(
            built,
            "G9",
            load.said,
            len(poisonous),
            excused=poisonous,
            limit_s=RECOVERY_S,
            expected_error="put aside after",
            complaints=complaints,
            note=note,
        )


async def _poisoned(built: Rig, load: Load, poisoners: range) -> set[str]:
    """Say what kills, wait until its authors are told, and let them go on talking; return its nonces."""
    said = await load.say(poisoners, lambda nonce: f"{nonce} {POISON}")
    sorry = {text(f"outcome_{Outcome.PUT_ASIDE.value}", language) for language in ("ru", "en")}
    async with asyncio.timeout(60.0 * len(poisoners)):
        while not all(any(each.text in sorry for each in built.received.in_chat(chat_id)) for chat_id in poisoners):
            await asyncio.sleep(0.2)
            await built.received.update()
    await load.say(poisoners)
    return {each.nonce for each in said}
