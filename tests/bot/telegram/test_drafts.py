from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from bot.telegram.aftermath import Expected
from bot.telegram.client import BotClient
from bot.telegram.drafts import DRAFT_LASTS_S, GIVE_UP_S, Drafts
from bot.telegram.updates import Sender
from storage.live.drafts import Draft
from storage.records import ChatKind
from tests.bot.telegram.background import running
from tests.bot.telegram.rig import silence
from tests.telegram_server import FakeTelegram


class Watch:
    """Drafts under a clock that the test moves.

    Dialogue `d` is in the private chat 1, dialogue `g` in the group -1.
    """

    def __init__(self, telegram: FakeTelegram, client: BotClient) -> None:
        self.telegram = telegram
        self.now = 100.0
        self.drafts = Drafts(client, silence, clock=lambda: self.now)

    def expect(self, dialogue_id: str = "d", message_id: str = "5") -> None:
        kind, place = (ChatKind.PRIVATE, "1") if dialogue_id == "d" else (ChatKind.GROUP, "-1")
        self.drafts.expect(Expected(dialogue_id, Sender(place, kind, "1", "Анна", "ru"), message_id))

    def write(self, text: str, dialogue_id: str = "d") -> None:
        self.drafts.write(Draft(dialogue_id, text, is_final=False))

    async def after(self, seconds: float) -> list[str]:
        """Let time pass; return what was shown: the texts of drafts, and `typing`."""
        seen = len(self.telegram.calls)
        end = self.now + seconds
        while self.now < end:
            self.now = min(end, self.now + 0.25)
            async with asyncio.TaskGroup() as tasks:
                self.drafts.show_due(tasks)
        return [
            "typing" if call.method == "sendChatAction" else call.params["text"]
            for call in self.telegram.calls[seen:]
            if call.status == 200
        ]


@pytest.fixture
def watch(telegram: FakeTelegram, client: BotClient) -> Watch:
    """Drafts under a clock that the test moves."""
    return Watch(telegram, client)


async def test_a_quick_reply_costs_no_call(watch: Watch) -> None:
    watch.expect()
    watch.write("Здрав")
    assert await watch.after(0.5) == []
    watch.drafts.answered("d", "5")
    assert await watch.after(60) == []


async def test_typing_is_shown_and_renewed_until_the_reply_is_there(watch: Watch) -> None:
    watch.expect("g")
    assert await watch.after(10) == ["typing"] * 3
    watch.drafts.answered("g", "5")
    assert await watch.after(60) == []


async def test_a_private_chat_sees_the_draft_at_most_once_a_second(watch: Watch) -> None:
    watch.expect()
    assert await watch.after(1) == ["typing"]
    shown = []
    for words in ("Раз", "Раз два", "Раз два три", "Раз два три четыре"):
        watch.write(words)
        shown += await watch.after(0.5)
    assert shown == ["Раз", "Раз два три"]
    assert await watch.after(2) == ["Раз два три четыре"]
    ids = {call.params["draft_id"] for call in watch.telegram.calls if call.method == "sendMessageDraft"}
    assert len(ids) == 1


async def test_a_draft_that_does_not_change_is_renewed_before_it_fades(watch: Watch) -> None:
    watch.expect()
    watch.write("Раз")
    assert await watch.after(DRAFT_LASTS_S + 2) == ["Раз", "Раз"]


async def test_a_group_sees_no_draft(watch: Watch) -> None:
    watch.expect("g")
    watch.write("Раз", "g")
    assert set(await watch.after(5)) == {"typing"}


async def test_a_server_without_drafts_is_asked_once_and_shows_typing(watch: Watch) -> None:
    watch.telegram.lacks = {"sendMessageDraft"}
    watch.expect()
    watch.write("Раз")
    assert await watch.after(3) == ["typing"]
    watch.write("Раз два")
    await watch.after(3)
    assert [call.method for call in watch.telegram.calls].count("sendMessageDraft") == 1


async def test_a_server_with_neither_is_left_alone(watch: Watch) -> None:
    watch.telegram.is_minimal = True
    watch.expect()
    watch.write("Раз")
    await watch.after(30)
    assert len([call for call in watch.telegram.calls if call.status == 404]) == 2


async def test_a_flood_limit_is_respected(watch: Watch) -> None:
    watch.telegram.fail("sendChatAction", 429, parameters={"retry_after": 20})
    watch.expect("g")
    assert await watch.after(15) == []
    assert await watch.after(10) == ["typing"]


async def test_who_wrote_again_meanwhile_goes_on_waiting(watch: Watch) -> None:
    watch.expect(message_id="5")
    watch.write("Раз")
    assert await watch.after(1) == ["Раз"]
    watch.expect(message_id="6")
    watch.drafts.answered("d", "5")
    assert await watch.after(1) == ["typing"]
    watch.drafts.answered("d", "6")
    assert await watch.after(60) == []


async def test_what_is_called_off_is_no_longer_announced(watch: Watch) -> None:
    watch.expect()
    watch.drafts.call_off("d")
    watch.write("Раз")
    assert await watch.after(10) == []


async def test_nobody_is_kept_waiting_for_ever(watch: Watch) -> None:
    watch.expect("g")
    await watch.after(GIVE_UP_S)
    assert await watch.after(60) == []


async def test_a_failing_server_costs_nothing_but_the_announcement(watch: Watch) -> None:
    watch.telegram.fail("sendChatAction", 500, times=2)
    watch.telegram.fail("sendMessageDraft", 403, times=1)
    watch.expect()
    assert await watch.after(4) == []
    watch.write("Раз")
    assert "Раз" in await watch.after(20)


async def test_word_of_a_change_is_passed_on_and_shown_to_nobody(telegram: FakeTelegram, client: BotClient) -> None:
    is_changed = asyncio.Event()

    async def listen() -> AsyncIterator[Draft]:
        yield Draft("d", "Раз", is_final=False)
        assert not is_changed.is_set()
        yield Draft("d", "engine_down", is_final=True)
        await asyncio.Event().wait()

    drafts = Drafts(client, listen, changed=is_changed.set)
    async with asyncio.timeout(20), running(drafts.run()):
        await is_changed.wait()
    assert [call.method for call in telegram.calls] == ["getMe"]
