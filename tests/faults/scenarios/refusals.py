"""G20: a blocked chat, a moved group, a bad message, a lost answer and another poller are met as they should be."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import aiohttp
from sqlalchemy import select

from storage.log.sql import sql_engines, transaction
from storage.log.tables import chats
from tests.faults.checking import judged
from tests.faults.load import Size
from tests.faults.result import Result
from tests.faults.rig import Rig, rig
from tests.faults.telegram import TOKEN

_DROPPED = 3
_CONFLICT = "somebody else fetches"


async def refusals(size: Size) -> Result:
    """Block a fifth of the chats, move a group, and poll beside the bot."""
    async with rig(size) as built:
        built.settings["GOVORUN_LOG_LEVEL"] = "DEBUG"
        bots = await built.start_all("bot", "bot")
        await built.start("worker")
        load = built.load()
        blocked = range(1, 1 + size.chats // 5)
        bad, group, supergroup = blocked[-1] + 1, -5, -1005
        for chat_id in blocked:
            await _refuse(built, 403, "Forbidden: bot was blocked by the user", chat_id, times=-1)
        await _refuse(built, 400, "Bad Request: MESSAGE_IS_BAD", bad, times=-1)
        await _refuse(built, 400, "Bad Request: group chat was upgraded", group, {"migrate_to_chat_id": supergroup})
        hopeless = await load.say([*blocked, bad])
        moved = await load.say([group])
        await built.received.until_answered(moved)
        others = [*range(bad + 1, size.chats + 1), supergroup]
        await load.chatter(others, max(2, size.messages // 3), pause_s=(0.1, 1.0))
        excused = {each.nonce for each in hopeless}
        await built.received.until_answered([each for each in load.said if each.nonce not in excused])
        complaints = ["two bots polled" for bot in bots if _CONFLICT in bot.log.read_text()]
        await _poll_too(built, 3)
        await _refuse(built, 401, "Unauthorized", None, times=2)
        await built.telegram("fail", method="sendMessage", drops_answer=True, times=_DROPPED)
        await built.received.until_answered(await load.say(others))
        if (tries := len(built.received.refused)) != len(hopeless) + 1 + 2:
            complaints.append(f"{tries} messages were refused")
        if (inactive := await _inactive(built)) != [str(chat_id) for chat_id in blocked]:
            complaints.append(f"inactive are {inactive}")
        said = [replace(each, chat_id=supergroup) if each in moved else each for each in load.said]
        note = (
            f"{len(blocked)} chats blocked, one try each; two bots, and another poller in between; "
            f"{_DROPPED} answers of Telegram never arrived"
        )
        return await judged(
            built,
            "G20",
            said,
            len(hopeless) + 1 + 3 + 2 + _DROPPED,
            excused=excused,
            expected_error="was refused",
            complaints=complaints,
            note=note,
        )


async def _refuse(
    built: Rig, status: int, words: str, chat_id: int | None, parameters: dict[str, int] | None = None, times: int = 1
) -> None:
    about = {"chat_id": chat_id, "times": times, "parameters": parameters}
    await built.telegram("fail", method="sendMessage", status=status, description=words, **about)


async def _poll_too(built: Rig, times: int) -> None:
    """Ask for updates as another installation with the same token would."""
    async with aiohttp.ClientSession() as session:
        for _ in range(times):
            await session.get(f"{built.telegram.url}/bot{TOKEN}/getUpdates", params={"timeout": 0})
            await asyncio.sleep(0.3)


async def _inactive(built: Rig) -> list[str]:
    async with sql_engines(built.sql_url) as engines, transaction(engines.reading) as connection:
        places = await connection.execute(select(chats.c.external_id).where(~chats.c.is_active).order_by(chats.c.id))
        return [place for (place,) in places]
