from __future__ import annotations

import logging
import socket
import traceback

import pytest
from telegram.error import (
    BadRequest,
    ChatMigrated,
    EndPointNotFound,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TimedOut,
)

from bot.telegram.client import AiohttpRequest, BotClient, seconds_to_wait
from dialogue.errors import SettingsError
from tests.telegram_server import TOKEN, FakeTelegram


def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def test_messages_arrive_as_they_were_written(telegram: FakeTelegram, client: BotClient) -> None:
    for text in ("123", "{}", "a & b = c + d %41", "👍🏽\nпривет", "true"):
        await client.send_message(1, text)
    assert telegram.texts(1) == ["123", "{}", "a & b = c + d %41", "👍🏽\nпривет", "true"]


async def test_updates_come_with_everything_the_server_knows(telegram: FakeTelegram, client: BotClient) -> None:
    telegram.say("привет", new_field_of_next_year={"a": 1})
    updates = await client.raw_updates(0, 0, ["message"])
    assert updates[0]["message"]["new_field_of_next_year"] == {"a": 1}


async def test_files_are_sent(telegram: FakeTelegram, client: BotClient) -> None:
    await client.send_document(1, '{"а": 1}'.encode(), filename="mydata.json")
    call = telegram.sent(1)[-1]
    assert call.params["document"] == {"file": "mydata.json", "content": '{"а": 1}'}


@pytest.mark.parametrize(
    ("status", "parameters", "kind"),
    [
        (403, {}, Forbidden),
        (400, {}, BadRequest),
        (401, {}, InvalidToken),
        (500, {}, NetworkError),
        (429, {"retry_after": 7}, RetryAfter),
        (400, {"migrate_to_chat_id": -1005}, ChatMigrated),
    ],
)
async def test_errors_of_the_server_have_their_types(
    telegram: FakeTelegram, client: BotClient, status: int, parameters: dict[str, int], kind: type[Exception]
) -> None:
    telegram.fail("sendMessage", status, parameters=parameters)
    with pytest.raises(kind):
        await client.send_message(1, "привет")


async def test_a_flood_limit_says_how_long_to_wait(telegram: FakeTelegram, client: BotClient) -> None:
    telegram.fail("sendMessage", 429, parameters={"retry_after": 7})
    with pytest.raises(RetryAfter) as caught:
        await client.send_message(1, "привет")
    assert seconds_to_wait(caught.value) == 7.0


async def test_a_method_that_the_server_lacks_is_told_from_a_bad_token(
    telegram: FakeTelegram, client: BotClient
) -> None:
    telegram.is_minimal = True
    with pytest.raises(EndPointNotFound):
        await client.send_chat_action(1, "typing")


async def test_the_token_is_in_no_error_log_or_repr(
    telegram: FakeTelegram, client: BotClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secret = TOKEN.partition(":")[2]
    stranger = BotClient(TOKEN, f"http://127.0.0.1:{unused_port()}")
    shown = [repr(client), str(client), repr(stranger)]
    await stranger.request.initialize()
    telegram.fail("sendMessage", drops_answer=True)
    for broken in (stranger, client):
        with pytest.raises(NetworkError) as caught:
            await broken.send_message(1, "привет")
        shown.append("".join(traceback.format_exception(caught.value)))
    await stranger.request.shutdown()
    assert not [text for text in (*shown, caplog.text) if secret in text]


async def test_no_text_of_a_message_is_in_the_logs(
    telegram: FakeTelegram, client: BotClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    telegram.say("моя тайна")
    await client.raw_updates(0, 0, ["message"])
    await client.send_message(1, "твоя тайна")
    assert "тайна" not in caplog.text


async def test_an_answer_that_does_not_come_is_given_up(telegram: FakeTelegram) -> None:
    telegram.latency_s = 60.0
    request = AiohttpRequest(telegram.url, read_timeout_s=0.05)
    await request.initialize()
    with pytest.raises(TimedOut) as caught:
        await request.post(f"{telegram.url}/bot{TOKEN}/sendMessage")
    assert TOKEN not in "".join(traceback.format_exception(caught.value))
    await request.shutdown()


def test_what_is_no_token_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(SettingsError, match="looks like"):
        BotClient("secret")
