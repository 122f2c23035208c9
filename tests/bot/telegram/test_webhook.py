from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from typing import Any, NoReturn

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.telegram.updates import WEBHOOK_PATH
from bot.telegram.webhook import MAX_BODY_BYTES, webhook_router
from dialogue.errors import SettingsError, StorageUnavailable
from storage.log.sql_log import SqlLog, sql_log

SECRET = "a-secret-of-the-webhook"
HEADERS = {"X-Telegram-Bot-Api-Secret-Token": SECRET, "Content-Type": "application/json"}
UPDATE: dict[str, Any] = {"update_id": 5, "message": {"text": "моя тайна"}}


class UnreachableLog(SqlLog):
    """Is never there; `hangs` says whether it says so at once."""

    def __init__(self, hangs: bool = False) -> None:
        self._hangs = hangs

    def writing(self) -> Any:
        return self

    async def __aenter__(self) -> NoReturn:
        if self._hangs:
            await asyncio.Event().wait()
        raise StorageUnavailable("the database is out of reach")

    async def __aexit__(self, *error: object) -> None:
        raise AssertionError("never entered")


def browser(log: SqlLog, arrived: list[int] | None = None, store_timeout_s: float = 5.0) -> httpx.AsyncClient:
    app = FastAPI()
    calls = arrived if arrived is not None else []
    app.include_router(webhook_router(log, 4242, SECRET, lambda: calls.append(1), store_timeout_s))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://bot")


async def push(log: SqlLog, body: bytes | Any, headers: dict[str, str] = HEADERS) -> int:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    async with browser(log) as client:
        return (await client.post(WEBHOOK_PATH, content=content, headers=headers)).status_code


async def test_an_update_is_kept_before_it_is_answered(log: SqlLog) -> None:
    arrived: list[int] = []
    async with browser(log, arrived) as client:
        response = await client.post(WEBHOOK_PATH, content=json.dumps(UPDATE), headers=HEADERS)
    assert response.status_code == 200
    assert [(update_id, json.loads(text)) for update_id, text in await log.pending_updates(4242)] == [(5, UPDATE)]
    assert arrived == [1]


async def test_an_update_that_is_pushed_again_is_kept_once(log: SqlLog) -> None:
    assert [await push(log, UPDATE), await push(log, UPDATE)] == [200, 200]
    assert len(await log.pending_updates(4242)) == 1


@pytest.mark.parametrize("shown", [None, "", "wrong", SECRET + "x", "ключ"])
async def test_without_the_secret_nobody_is_let_in(log: SqlLog, shown: str | None) -> None:
    headers = [(b"Content-Type", b"application/json")]
    if shown is not None:
        headers.append((b"X-Telegram-Bot-Api-Secret-Token", shown.encode()))
    async with browser(log) as client:
        response = await client.post(WEBHOOK_PATH, content=json.dumps(UPDATE), headers=headers)
    assert response.status_code == 403
    assert await log.pending_updates(4242) == []


def test_a_webhook_without_a_secret_is_not_opened(log: SqlLog) -> None:
    with pytest.raises(SettingsError, match="GOVORUN_WEBHOOK_SECRET"):
        webhook_router(log, 4242, "")


async def test_only_json_is_taken(log: SqlLog) -> None:
    assert await push(log, UPDATE, {**HEADERS, "Content-Type": "text/plain"}) == 415
    assert await push(log, UPDATE, {**HEADERS, "Content-Type": "application/json; charset=utf-8"}) == 200


async def test_a_body_that_says_it_is_too_long_is_not_read(log: SqlLog) -> None:
    assert await push(log, b" " * (MAX_BODY_BYTES + 1)) == 413


async def test_a_body_that_turns_out_too_long_is_not_read_to_its_end(log: SqlLog) -> None:
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        while read < 100 * MAX_BODY_BYTES:
            read += 65536
            yield b" " * 65536

    async with browser(log) as client:
        response = await client.post(WEBHOOK_PATH, content=endless(), headers=HEADERS)
    assert response.status_code == 413
    assert read <= MAX_BODY_BYTES + 2 * 65536


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"update_id": "5"}',
        b'{"update_id": true}',
        b'{"update_id": 5.0}',
        b'{"update_id": -1}',
        b'{"update_id": 99999999999999999999}',
        b"\xff\xfe",
        b"[" * 500_000,
        b'{"update_id": 5, "a": ' + b"[" * 900 + b"]" * 900 + b"}",
    ],
)
async def test_what_is_no_update_is_refused_or_kept_but_never_breaks_anything(log: SqlLog, body: bytes) -> None:
    assert await push(log, body) in (200, 400)


@settings(max_examples=100, deadline=None)
@given(body=st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_no_body_whatever_breaks_the_webhook(body: bytes) -> None:
    assert asyncio.run(push(UnreachableLog(), body)) in (400, 503)


@pytest.mark.parametrize("hangs", [False, True])
async def test_while_sql_is_down_nothing_is_acknowledged(hangs: bool) -> None:
    async with browser(UnreachableLog(hangs), store_timeout_s=0.01) as client:
        response = await client.post(WEBHOOK_PATH, content=json.dumps(UPDATE), headers=HEADERS)
    assert response.status_code == 503


async def test_telegram_is_not_kept_waiting_for_a_database_that_another_process_has_locked(
    log: SqlLog, log_url: str
) -> None:
    async with sql_log(log_url) as other, browser(log, store_timeout_s=0.01) as client, other.writing():
        # A lock is waited for ten seconds otherwise.
        async with asyncio.timeout(5):
            response = await client.post(WEBHOOK_PATH, content=json.dumps(UPDATE), headers=HEADERS)
    assert response.status_code == 503
    assert await log.pending_updates(4242) == []


async def test_no_text_of_an_update_is_logged(log: SqlLog, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "bot")
    await push(log, UPDATE)
    await push(UnreachableLog(), UPDATE)
    await push(log, json.dumps(UPDATE).encode()[:-1])
    assert "update 5" in caplog.text
    assert "тайна" not in caplog.text
