from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bot.conversation import Conversation, Session
from bot.telegram.aftermath import Aftermath
from bot.telegram.client import BotClient
from bot.telegram.handling import Handling
from bot.telegram.updates import Said, Wish
from bot.telegram.wishes import Wishes
from bot.texts import text
from dialogue.failpoints import arm
from storage.log import SqlLog
from tests.bot.telegram.background import running
from tests.bot.telegram.rig import Rig
from tests.telegram_server import FakeTelegram


class Clumsy(Wishes):
    """Stumbles over some words."""

    async def fulfil(self, session: Session, wish: Wish, aftermath: Aftermath) -> None:
        await super().fulfil(session, wish, aftermath)
        if isinstance(wish, Said) and "споткнись" in wish.text:
            raise ZeroDivisionError("stumbled")


class Killed(BaseException):
    """The process dies."""


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


@pytest.mark.parametrize("place", ["updates-stored", "updates-handled", "updates-committed"])
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
    while rig.telegram.pending():
        await rig.fetch()
    async with asyncio.TaskGroup() as presses:
        await asyncio.gather(rig.handling.handle_some(presses), second.handle_some(presses))
    assert [asked.text for asked in await rig.waiting()] == [str(number) for number in range(15)]


async def test_updates_that_another_process_stored_are_noticed(
    rig: Rig, telegram: FakeTelegram, client: BotClient, conversation: Conversation
) -> None:
    handling = Handling(client, conversation, Wishes(rig.log), rig.drafts, rig.delivery, look_every_s=0.01)
    async with running(handling.run()):
        telegram.say("/help")
        await rig.fetch()  # Nobody calls `wake`.
        await telegram.until(lambda: len(telegram.texts()) == 1)


async def test_an_album_or_anything_else_in_one_batch_stays_in_order(rig: Rig) -> None:
    rig.telegram.say_many([{"text": text} for text in ("раз", "/mydata", "два", "/cancel", "три")])
    await rig.settle()
    documents: list[Any] = [call for call in rig.telegram.calls if call.method == "sendDocument"]
    assert "раз" in documents[0].params["document"]["content"]
    assert "два" not in documents[0].params["document"]["content"]
    assert [asked.text for asked in await rig.waiting()] == ["три"]
