"""What the fake promises to the other tests."""

from __future__ import annotations

import json
import sys
from asyncio.subprocess import PIPE, create_subprocess_exec
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.small_http import Answer, Dropped, Request, serve
from tests.telegram_server import DAY_S, TOKEN, FakeTelegram, telegram_server


class Caller:
    """Calls methods of the Bot API by hand."""

    def __init__(self, url: str) -> None:
        self.client = httpx.AsyncClient(base_url=f"{url}/bot{TOKEN}/", trust_env=False)

    async def __call__(self, method: str, **params: Any) -> Any:
        body = (await self.client.post(method, json=params)).json()
        return body["result"] if body["ok"] else body


@pytest.fixture
async def fake() -> AsyncIterator[FakeTelegram]:
    """The server, in this process."""
    async with telegram_server() as fake:
        yield fake


@pytest.fixture
async def call(fake: FakeTelegram) -> AsyncIterator[Caller]:
    """A way to call it."""
    caller = Caller(fake.url)
    async with caller.client:
        yield caller


def ids(updates: list[dict[str, Any]]) -> list[int]:
    return [update["update_id"] for update in updates]


async def test_updates_stay_until_a_higher_offset_confirms_them(fake: FakeTelegram, call: Caller) -> None:
    first, second = [fake.update("message", fake.message(1, None, "A", "ru")) for _ in range(2)]
    assert ids(await call("getUpdates")) == [first, second]
    assert ids(await call("getUpdates", limit=1)) == [first]
    assert ids(await call("getUpdates", offset=second)) == [second]
    assert ids(await call("getUpdates")) == [second]
    assert ids(await call("getUpdates", offset=second + 1)) == []


async def test_updates_are_forgotten_after_a_day(fake: FakeTelegram, call: Caller) -> None:
    fake.say("привет")
    fake.shift_clock(DAY_S + 1)
    assert await call("getUpdates") == []


async def test_at_most_a_hundred_updates_come_at_once(fake: FakeTelegram, call: Caller) -> None:
    fake.say_many([{"text": "привет"}] * 150)
    assert len(await call("getUpdates", limit=1000)) == 100


async def test_messages_that_telegram_refuses_are_refused(call: Caller) -> None:
    assert (await call("sendMessage", chat_id=1, text=" \n"))["error_code"] == 400
    assert (await call("sendMessage", chat_id=1, text="👍" * 2049))["error_code"] == 400
    assert (await call("sendMessage", chat_id=1, text="👍" * 2048))["text"]


async def test_a_strict_server_knows_its_limits(fake: FakeTelegram, call: Caller) -> None:
    fake.is_strict = True
    answers = [await call("sendMessage", chat_id=1, text="x") for _ in range(6)]
    assert answers[-1]["parameters"] == {"retry_after": 1}
    fake.shift_clock(1.0)
    assert "message_id" in await call("sendMessage", chat_id=1, text="x")


async def test_faults_strike_as_often_as_was_said_and_only_where_it_was_said(fake: FakeTelegram, call: Caller) -> None:
    fake.fail("sendMessage", 403, chat_id=1, times=2)
    answers = [await call("sendMessage", chat_id=chat_id, text="x") for chat_id in (1, 2, 1, 1)]
    assert [answer.get("error_code") for answer in answers] == [403, None, 403, None]
    assert [recorded.status for recorded in fake.calls] == [403, 200, 403, 200]


async def test_a_dropped_answer_is_in_the_log_all_the_same(fake: FakeTelegram, call: Caller) -> None:
    fake.fail("sendMessage", drops_answer=True)
    with pytest.raises(httpx.RemoteProtocolError):
        await call("sendMessage", chat_id=1, text="x")
    assert fake.texts(1) == ["x"]


async def test_a_webhook_is_pushed_to_in_order_per_chat_until_it_takes_the_update(
    fake: FakeTelegram, call: Caller
) -> None:
    pushed: list[tuple[int, str]] = []

    async def take(request: Request) -> Answer:
        message = request.params["message"]
        pushed.append((message["chat"]["id"], message["text"]))
        if len(pushed) == 1:
            raise Dropped
        return Answer(503 if len(pushed) == 2 else 200, {})

    async with serve(take) as url:
        await call("setWebhook", url=url)
        fake.say_many([{"text": text, "chat_id": 1} for text in ("раз", "два")])
        await fake.until(lambda: fake.pending() == [])
    assert pushed == [(1, "раз"), (1, "раз"), (1, "раз"), (1, "два")]


async def test_while_a_webhook_is_set_nobody_can_poll(call: Caller) -> None:
    await call("setWebhook", url="http://127.0.0.1:9/")
    assert (await call("getUpdates"))["error_code"] == 409
    await call("deleteWebhook")
    assert await call("getUpdates") == []


async def test_it_runs_as_a_process_of_its_own_and_obeys_over_http() -> None:
    process = await create_subprocess_exec(sys.executable, "-m", "tests.telegram_server", "--minimal", stdout=PIPE)
    assert process.stdout is not None
    url = json.loads(await process.stdout.readline())["url"]
    async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
        await client.post("/control/say", json={"text": "привет", "chat_id": 7})
        updates = (await client.get(f"/bot{TOKEN}/getUpdates")).json()["result"]
        await client.post(f"/bot{TOKEN}/sendMessage", data={"chat_id": "7", "text": "42"})
        assert (await client.post(f"/bot{TOKEN}/sendChatAction")).status_code == 404
        log = (await client.post("/control/log", json={"wait_s": 5})).json()
    process.terminate()
    await process.wait()
    assert [update["message"]["text"] for update in updates] == ["привет"]
    assert [(call["method"], call["params"].get("text"), call["status"]) for call in log] == [
        ("sendMessage", "42", 200),
        ("sendChatAction", None, 404),
    ]
