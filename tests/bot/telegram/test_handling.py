from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from bot.conversation import Conversation, Session
from bot.telegram.aftermath import Aftermath
from bot.telegram.client import BotClient
from bot.telegram.handling import Handling
from bot.telegram.updates import Pressed, Said, Wish
from bot.telegram.wishes import Wishes
from bot.texts import text
from dialogue.errors import StorageUnavailable
from dialogue.failpoints import arm
from storage.live.inbox import RedisInbox
from storage.log.sql_log import SqlLog
from tests.bot.telegram.background import running
from tests.bot.telegram.failing_log import FailingLog
from tests.bot.telegram.rig import Rig
from tests.fakes import GREETING_SEED, SEEDS
from tests.telegram_server import FakeTelegram


class Clumsy(Wishes):
    """Stumbles over some words."""

    async def fulfil(self, session: Session, wish: Wish, aftermath: Aftermath) -> None:
        await super().fulfil(session, wish, aftermath)
        if "споткнись" in (wish.text if isinstance(wish, Said) else wish.data if isinstance(wish, Pressed) else ""):
            raise ZeroDivisionError("stumbled")


class Killed(BaseException):
    """The process dies."""


def update(words: str, update_id: int = 1) -> tuple[int, str]:
    """Return an update as it is stored."""
    message = FakeTelegram().message(1, None, "Анна", "ru", text=words)
    return update_id, json.dumps({"update_id": update_id, "message": message})


@pytest.fixture
def clumsy(rig: Rig, client: BotClient, conversation: Conversation, log: SqlLog) -> Rig:
    """A bot that stumbles."""
    rig.handling = Handling(client, conversation, Clumsy(log), rig.drafts, rig.delivery)
    return rig


async def test_one_update_that_fails_holds_up_no_other_and_its_author_is_told(clumsy: Rig) -> None:
    clumsy.telegram.say("раз", chat_id=1)
    clumsy.telegram.say("споткнись", chat_id=2)
    clumsy.telegram.say("два", chat_id=3)
    await clumsy.settle()
    assert [asked.text for asked in await clumsy.waiting()] == ["раз", "два"]
    assert clumsy.telegram.texts(2) == [text("failure", "ru")]


async def test_a_press_that_fails_is_answered_all_the_same(clumsy: Rig) -> None:
    clumsy.telegram.press("споткнись")
    await clumsy.settle()
    answers = [call.params["text"] for call in clumsy.telegram.calls if call.method == "answerCallbackQuery"]
    assert answers == [text("button_failed", "ru")]


async def test_what_cannot_be_read_is_put_aside(rig: Rig) -> None:
    broken: list[Any] = [
        "nonsense",
        5,
        None,
        {},
        {"chat": 5},
        {"message_id": 1, "date": 1, "chat": {"id": 1}, "text": 7},
    ]
    broken.append({**rig.telegram.message(1, None, "Анна", "ru", text="привет"), "date": 10**30})
    for content in broken:
        rig.telegram.update("message", content)
    rig.telegram.say("привет")
    await rig.settle()
    assert [asked.text for asked in await rig.waiting()] == ["привет"]
    assert await rig.log.pending_updates(4242) == []


@pytest.mark.parametrize("place", ["updates-stored", "updates-handled", "updates-committed", "updates-kept"])
async def test_a_crash_while_handling_neither_loses_nor_doubles_anything(rig: Rig, place: str) -> None:
    def strike(name: str) -> None:
        if name == place:
            arm(lambda name: None)
            raise Killed

    rig.telegram.say_many([{"text": str(number), "chat_id": number + 1} for number in range(5)])
    arm(strike)
    with pytest.raises(BaseException) as died:
        await rig.settle()
    assert died.errisinstance((Killed, BaseExceptionGroup))
    rig.telegram.say("/help", chat_id=9)
    await rig.settle()
    assert [asked.text for asked in await rig.waiting()] == ["0", "1", "2", "3", "4"]
    assert len(rig.telegram.texts(9)) == 1


async def test_of_two_processes_only_one_handles_an_update(
    rig: Rig, client: BotClient, conversation: Conversation
) -> None:
    second = Handling(client, conversation, Wishes(rig.log), rig.drafts, rig.delivery)
    rig.telegram.say_many([{"text": str(number)} for number in range(15)])
    await rig.store()
    async with asyncio.TaskGroup() as presses:
        await asyncio.gather(rig.handling.handle_some(presses), second.handle_some(presses))
    assert [asked.text for asked in await rig.waiting()] == [str(number) for number in range(15)]


async def test_updates_that_another_process_stored_are_noticed(
    rig: Rig, telegram: FakeTelegram, client: BotClient, conversation: Conversation
) -> None:
    handling = Handling(client, conversation, Wishes(rig.log), rig.drafts, rig.delivery, look_every_s=0.01)
    async with running(handling.run()):
        telegram.say("/help")
        await rig.store()  # Nobody calls `wake`.
        await telegram.until(lambda: len(telegram.texts()) == 1)


async def test_an_album_or_anything_else_in_one_batch_stays_in_order(rig: Rig) -> None:
    rig.telegram.say_many([{"text": text} for text in ("раз", "/mydata", "два", "/cancel", "три")])
    await rig.settle()
    documents: list[Any] = [call for call in rig.telegram.calls if call.method == "sendDocument"]
    assert "раз" in documents[0].params["document"]["content"]
    assert "два" not in documents[0].params["document"]["content"]
    assert [asked.text for asked in await rig.waiting()] == ["три"]


async def test_updates_are_handled_once_they_are_kept(rig: Rig) -> None:
    async with running(rig.handling.run()):
        await rig.handling.keep([update("привет")])

        assert await rig.log.pending_updates(4242) == []
        assert [asked.text for asked in await rig.waiting()] == ["привет"]


async def test_updates_that_were_left_behind_come_first(rig: Rig) -> None:
    rig.telegram.say("раз")
    await rig.store()
    async with running(rig.handling.run()):
        await rig.handling.keep([update("два", update_id=2000)])

    assert [asked.text for asked in await rig.waiting()] == ["раз", "два"]


async def test_updates_that_cannot_be_handled_are_kept_all_the_same(clumsy: Rig) -> None:
    async with running(clumsy.handling.run()):
        await clumsy.handling.keep([update("споткнись"), update("привет", update_id=2)])

    assert [asked.text for asked in await clumsy.waiting()] == ["привет"]


async def test_updates_are_not_kept_while_the_log_is_out_of_reach(
    rig: Rig, client: BotClient, inbox: RedisInbox
) -> None:
    failing: Any = FailingLog(rig.log, failures=1)
    conversation = Conversation(failing, inbox, SEEDS, [GREETING_SEED.name])
    handling = Handling(client, conversation, Wishes(rig.log), rig.drafts, rig.delivery)
    keeping = asyncio.create_task(handling.keep([update("привет")]))
    await asyncio.sleep(0)

    async with asyncio.TaskGroup() as presses:
        with pytest.raises(StorageUnavailable):
            await handling.handle_some(presses)

    with pytest.raises(StorageUnavailable):
        await keeping
    assert await rig.log.pending_updates(4242) == []
