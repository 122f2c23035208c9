from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI

from bot.conversation import Conversation
from bot.telegram.client import BotClient
from bot.telegram.delivery import Delivery
from bot.telegram.inline import Inline
from bot.telegram.process import TelegramBot, WebhookTarget
from bot.telegram.webhook import webhook_router
from bot.texts import COMMANDS, help_text
from dialogue.errors import SettingsError
from dialogue.turns import Outcome, Reply
from storage.live.drafts import Draft
from storage.log.sql_log import SqlLog
from storage.records import ChatKind, Finished
from tests.bot.telegram.background import running
from tests.bot.telegram.rig import UNLIMITED, silence
from tests.fakes import GREETING_SEED, SEED
from tests.telegram_server import TOKEN, FakeTelegram


class FakeLease:
    """Is held by the process that the test says."""

    def __init__(self) -> None:
        self.is_free = asyncio.Event()
        self.is_free.set()
        self.lost = asyncio.Event()

    @asynccontextmanager
    async def held(self) -> AsyncIterator[asyncio.Event]:
        await self.is_free.wait()
        self.lost.clear()
        yield self.lost

    def take_away(self) -> None:
        self.is_free.clear()
        self.lost.set()


class Echo:
    """A worker and a recorder in one: answers every message with its own words."""

    def __init__(self, log: SqlLog) -> None:
        self._log = log

    def work(self, delivery: Delivery) -> Callable[[], Coroutine[Any, Any, None]]:
        async def answer() -> None:
            while True:
                for asked in await self._log.waiting("telegram", older_than_s=-1.0):
                    reply = Reply(Outcome.ANSWERED, asked.ask, f"эхо: {asked.text}", f"эхо: {asked.text}")
                    finished = Finished(
                        f"r{asked.message_id}", "telegram", asked.dialogue_id, asked.epoch, (asked.message_id,), reply
                    )
                    async with self._log.writing() as writing:
                        outgoing = await writing.record_reply(finished)
                    assert outgoing is not None
                    await delivery.take([outgoing])
                await asyncio.sleep(0.005)

        return answer


@pytest.fixture
def lease() -> FakeLease:
    """A lease that is free."""
    return FakeLease()


@pytest.fixture
def make_bot(
    telegram: FakeTelegram,
    log: SqlLog,
    conversation: Conversation,
    lease: FakeLease,
    make_inline: Callable[[BotClient], Inline],
) -> Callable[..., TelegramBot]:
    """Makes bots that answer with an echo."""

    def make(webhook: WebhookTarget | None = None, listen: Callable[[], AsyncIterator[Draft]] = silence) -> TelegramBot:
        client = BotClient(TOKEN, telegram.url)
        inline, work = make_inline(client), [Echo(log).work]
        return TelegramBot(
            client, conversation, log, lease, listen, inline, webhook, UNLIMITED, poll_s=1.0, alongside=work
        )

    return make


async def test_a_whole_dialogue_by_polling(telegram: FakeTelegram, make_bot: Callable[..., TelegramBot]) -> None:
    async with running(make_bot().run()):
        telegram.say("/start")
        await telegram.until(lambda: len(telegram.texts()) == 1)
        telegram.say("привет")
        await telegram.until(lambda: len(telegram.texts()) == 2)
    assert telegram.texts() == [GREETING_SEED.greeting, "эхо: привет"]


async def test_a_whole_dialogue_by_webhook(
    telegram: FakeTelegram, log: SqlLog, make_bot: Callable[..., TelegramBot]
) -> None:
    app = FastAPI()
    app.include_router(webhook_router(log, 4242, "a-secret"))
    async with serving(app) as url, running(make_bot(WebhookTarget(url, "a-secret")).run()):
        await telegram.until(lambda: any(call.method == "setWebhook" for call in telegram.calls))
        for number in range(5):
            telegram.say(str(number))
        await telegram.until(lambda: len(telegram.texts()) == 5)
    assert telegram.texts() == [f"эхо: {number}" for number in range(5)]
    assert telegram.pending() == []


async def test_a_server_that_knows_three_methods_is_enough(
    telegram: FakeTelegram, make_bot: Callable[..., TelegramBot]
) -> None:
    telegram.is_minimal = True
    async with running(make_bot(WebhookTarget("http://127.0.0.1:9", "a-secret")).run()):
        telegram.say("/start")
        telegram.say("привет")
        await telegram.until(lambda: "эхо: привет" in telegram.texts())
        telegram.say("/seed")
        telegram.press(f"seed:{SEED.name}")
        telegram.say("/mydata")
        await telegram.until(lambda: len(telegram.texts()) == 6)
    texts = telegram.texts()
    assert {GREETING_SEED.greeting, "эхо: привет"} <= set(texts)
    assert any(f"{SEED.title} — {SEED.description}" in words for words in texts)
    assert any("привет" in words for words in texts if words.startswith("{"))


async def test_inline_queries_are_fetched_and_answered(
    telegram: FakeTelegram, make_bot: Callable[..., TelegramBot]
) -> None:
    async with running(make_bot().run()):
        await telegram.until(lambda: telegram.is_polled)
        telegram.inquire("")
        await telegram.until(lambda: any(call.method == "answerInlineQuery" for call in telegram.calls))


async def test_the_commands_are_registered_in_both_languages(
    telegram: FakeTelegram, make_bot: Callable[..., TelegramBot]
) -> None:
    async with running(make_bot().run()):
        await telegram.until(lambda: sum(call.method == "setMyCommands" for call in telegram.calls) == 2)
    russian, english = [call.params for call in telegram.calls if call.method == "setMyCommands"]
    assert russian["language_code"] == "ru"
    assert "language_code" not in english
    assert [command["command"] for command in english["commands"]] == list(COMMANDS)


async def test_only_the_process_with_the_lease_works(
    telegram: FakeTelegram, lease: FakeLease, make_bot: Callable[..., TelegramBot]
) -> None:
    lease.is_free.clear()
    async with running(make_bot().run()):
        await telegram.until(lambda: any(call.method == "getMe" for call in telegram.calls))
        assert telegram.polls == 0
        lease.is_free.set()
        telegram.say("раз")
        await telegram.until(lambda: telegram.texts() == ["эхо: раз"])
        lease.take_away()
        await telegram.until(lambda: not telegram.is_polled)
        telegram.say("два")
        assert telegram.pending() != []
        lease.is_free.set()
        await telegram.until(lambda: telegram.texts() == ["эхо: раз", "эхо: два"])


async def test_what_was_in_the_outbox_when_the_bot_died_is_sent_at_the_next_start(
    telegram: FakeTelegram, make_bot: Callable[..., TelegramBot]
) -> None:
    telegram.fail("sendMessage", 500, times=-1)
    async with running(make_bot().run()):
        telegram.say("привет")
        await telegram.until(lambda: any(call.method == "sendMessage" for call in telegram.calls))
    telegram.heal()
    telegram.say("/help")
    async with running(make_bot().run()):
        await telegram.until(lambda: len(telegram.texts()) == 2)
    assert telegram.texts() == ["эхо: привет", help_text("ru")]


async def test_a_bot_waits_for_a_server_that_is_not_there_yet(
    telegram: FakeTelegram, make_bot: Callable[..., TelegramBot]
) -> None:
    telegram.fail("getMe", 502)
    telegram.say("привет")
    async with running(make_bot().run()):
        await telegram.until(lambda: telegram.texts() == ["эхо: привет"])


@pytest.mark.parametrize("status", [401, 404])
async def test_a_token_that_telegram_does_not_know_is_an_error_that_does_not_show_it(
    telegram: FakeTelegram, make_bot: Callable[..., TelegramBot], status: int
) -> None:
    telegram.fail("getMe", status, "Unauthorized")
    with pytest.raises(SettingsError, match="GOVORUN_TELEGRAM_TOKEN") as caught:
        await make_bot().run()
    assert caught.value.__suppress_context__
    assert TOKEN not in json.dumps(str(caught.value))


async def test_a_draft_is_shown_while_the_model_writes(
    telegram: FakeTelegram,
    log: SqlLog,
    conversation: Conversation,
    lease: FakeLease,
    make_inline: Callable[[BotClient], Inline],
) -> None:
    async def write() -> AsyncIterator[Draft]:
        while True:
            for asked in await log.waiting("telegram", older_than_s=-1.0):
                yield Draft(asked.dialogue_id, "Здрав", is_final=False)
            await asyncio.sleep(0.02)

    client = BotClient(TOKEN, telegram.url)
    bot = TelegramBot(client, conversation, log, lease, write, make_inline(client), limits=UNLIMITED, poll_s=1.0)
    async with running(bot.run()):
        telegram.say("привет")
        await telegram.until(lambda: any(call.method == "sendMessageDraft" for call in telegram.calls))
    draft = next(call for call in telegram.calls if call.method == "sendMessageDraft")
    assert (draft.params["chat_id"], draft.params["text"]) == (1, "Здрав")


async def test_what_another_process_posts_is_sent_as_soon_as_word_of_it_comes(
    telegram: FakeTelegram,
    log: SqlLog,
    conversation: Conversation,
    lease: FakeLease,
    make_inline: Callable[[BotClient], Inline],
) -> None:
    is_posted = asyncio.Event()

    async def listen() -> AsyncIterator[Draft]:
        await is_posted.wait()
        yield Draft("any", "", is_final=True)
        await asyncio.Event().wait()

    client = BotClient(TOKEN, telegram.url)
    inline = make_inline(client)
    bot = TelegramBot(
        client, conversation, log, lease, listen, inline, limits=UNLIMITED, poll_s=1.0, sweep_every_s=3600.0
    )
    async with running(bot.run()):
        telegram.say("/help")
        await telegram.until(lambda: telegram.texts() == [help_text("ru")])
        async with conversation.session() as session:
            visit = await session.enter("telegram", "1", ChatKind.PRIVATE, "1", "Анна", "ru")
            await session.notice(visit, "от оператора")
        is_posted.set()
        await telegram.until(lambda: telegram.texts() == [help_text("ru"), "от оператора"])


@asynccontextmanager
async def serving(app: FastAPI) -> AsyncIterator[str]:
    """Serve an application on the loopback."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, lifespan="off"))
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.005)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await task
