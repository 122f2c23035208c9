from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest

from bot.telegram.arrival import Arrival, StoredUpdate
from bot.telegram.client import BotClient
from bot.telegram.updates import ALLOWED
from dialogue.errors import StorageUnavailable
from storage.log.sql_log import SqlLog
from tests.bot.telegram.background import running
from tests.bot.telegram.failing_log import FailingLog
from tests.telegram_server import DAY_S, TOKEN, FakeTelegram


def arrival(client: BotClient, log: Any, first_pause_s: float = 0.001) -> Arrival:
    async def keep(updates: Sequence[StoredUpdate]) -> None:
        async with log.writing() as writing:
            await writing.store_updates(client.bot_id, updates)

    return Arrival(client, keep, poll_s=0.0, first_pause_s=first_pause_s)


async def kept(log: SqlLog) -> list[str]:
    return [json.loads(text)["message"]["text"] for _, text in await log.pending_updates(4242)]


async def test_updates_are_kept_and_confirmed_by_the_next_call(
    telegram: FakeTelegram, client: BotClient, log: SqlLog
) -> None:
    for number in range(3):
        telegram.say(str(number))
    polling = arrival(client, log)
    await polling.fetch()
    assert await kept(log) == ["0", "1", "2"]
    assert len(telegram.pending()) == 3
    await polling.fetch()
    assert telegram.pending() == []


async def test_what_could_not_be_kept_is_not_confirmed(telegram: FakeTelegram, client: BotClient, log: SqlLog) -> None:
    telegram.say("привет")
    polling = arrival(client, FailingLog(log, failures=2))
    for _ in range(2):
        with pytest.raises(StorageUnavailable):
            await polling.fetch()
        assert len(telegram.pending()) == 1
    await polling.fetch()
    assert await kept(log) == ["привет"]


async def test_an_update_that_comes_again_is_kept_once(telegram: FakeTelegram, client: BotClient, log: SqlLog) -> None:
    telegram.say("привет")
    await arrival(client, log).fetch()
    await arrival(client, log).fetch()  # Another process, which does not know the offset yet.
    assert await kept(log) == ["привет"]


async def test_a_handled_update_is_not_handled_again_though_it_comes_again_a_day_later(
    telegram: FakeTelegram, client: BotClient, log: SqlLog
) -> None:
    telegram.say("привет")
    update = telegram.pending()[0]
    await arrival(client, log).fetch()
    async with log.writing() as writing:
        assert await writing.take_update(client.bot_id, update["update_id"])
    telegram.shift_clock(DAY_S + 3600)
    telegram.push(update)
    await arrival(client, log).fetch()
    assert await log.pending_updates(client.bot_id) == []


async def test_a_hundred_updates_at_a_time_lose_none(telegram: FakeTelegram, client: BotClient, log: SqlLog) -> None:
    telegram.say_many([{"text": str(number)} for number in range(250)])
    polling = arrival(client, log)
    while telegram.pending():
        await polling.fetch()
    assert await kept(log) == [str(number) for number in range(250)]


async def test_only_the_kinds_of_updates_that_are_used_are_asked_for(
    telegram: FakeTelegram, client: BotClient, log: SqlLog
) -> None:
    await arrival(client, log).fetch()
    telegram.update("poll", {"id": "1"})
    telegram.say("привет")
    assert [next(iter(set(update) & set(ALLOWED))) for update in telegram.pending()] == ["message"]


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 500},
        {"status": 502},
        {"status": 401, "description": "Unauthorized"},
        {"status": 409, "description": "Conflict: terminated by other getUpdates request"},
        {"status": 429, "parameters": {"retry_after": 0.001}},
        {"drops_answer": True},
    ],
)
async def test_failures_are_outlived(
    telegram: FakeTelegram, client: BotClient, log: SqlLog, fault: dict[str, Any]
) -> None:
    telegram.fail("getUpdates", times=2, **fault)
    telegram.say("привет")
    async with running(arrival(client, FailingLog(log, failures=1)).run()):
        await telegram.until(lambda: not telegram.pending())
    assert await kept(log) == ["привет"]


async def test_a_webhook_that_was_left_behind_is_deleted(
    telegram: FakeTelegram, client: BotClient, log: SqlLog
) -> None:
    await client.set_webhook("http://127.0.0.1:9/nobody")
    telegram.say("привет")
    async with running(arrival(client, log).run()):
        await telegram.until(lambda: not telegram.pending())
    assert await kept(log) == ["привет"]


async def test_of_two_pollers_the_older_one_is_told_to_stop(telegram: FakeTelegram, client: BotClient) -> None:
    older = asyncio.create_task(client.raw_updates(0, 30, ALLOWED))
    await telegram.until(lambda: telegram.polls == 1)
    async with BotClient(TOKEN, telegram.url) as second:
        newer = asyncio.create_task(second.raw_updates(0, 30, ALLOWED))
        with pytest.raises(Exception, match="terminated by other"):
            await older
        telegram.say("привет")
        assert len(await newer) == 1
