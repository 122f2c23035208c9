"""What open pages are told: everything first, then drafts and replies in order, of their own chat only."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from httpx import AsyncClient

from bot.web.delivery import CHANNEL, WebDelivery
from bot.web.events import MAX_PAGES_PER_VISITOR, Changed, Closed, Page, Pages, Written
from bot.web.refusals import Refusal
from dialogue.errors import StorageUnavailable
from dialogue.turns import Outcome, Reply
from storage.live.drafts import Draft
from storage.records import Finished
from tests.bot.web.world import World, following, open_world, served

NO_PATIENCE_S = 0.001
MUCH_PATIENCE_S = 30.0


class Stream:
    """The browser's end of a stream of events."""

    def __init__(self, lines: AsyncIterator[str]) -> None:
        self._lines = lines

    async def next(self) -> tuple[str, Any]:
        """Return the next event, its name and content."""
        name = ""
        async for line in self._lines:
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: "):
                return name, json.loads(line.removeprefix("data: "))
        raise EOFError

    async def chat(self, last: str, state: str = "answered") -> dict[str, Any]:
        """Return the first chat from here on whose last turn is this one; any other events before it are chats too."""
        while True:
            name, chat = await self.next()
            assert name == "chat"
            if chat["turns"] and (chat["turns"][-1]["text"], chat["turns"][-1]["state"]) == (last, state):
                return dict(chat)

    async def draft(self) -> str:
        """Return the next draft."""
        while True:
            name, content = await self.next()
            if name == "draft":
                return str(content)


def texts(chat: dict[str, Any]) -> list[str]:
    return [turn["text"] for turn in chat["turns"]]


@asynccontextmanager
async def visiting(url: str) -> AsyncIterator[AsyncClient]:
    """A browser that has opened the page."""
    async with AsyncClient(base_url=url, timeout=30, headers={"Origin": url}) as client:
        (await client.get("/api/chat")).raise_for_status()
        yield client


@asynccontextmanager
async def listening(client: AsyncClient) -> AsyncIterator[Stream]:
    async with client.stream("GET", "/api/events") as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        yield Stream(response.aiter_lines())


async def say(client: AsyncClient, text: str) -> None:
    assert (await client.post("/api/messages", json={"text": text})).status_code == 204


async def test_a_page_hears_its_message_the_draft_and_the_reply_in_this_order(world: World) -> None:
    async with served(world) as url, visiting(url) as client, listening(client) as stream:
        await stream.chat("What happened?")

        await say(client, "The internet is down.")
        assert (await stream.chat("The internet is down.", "waiting"))["awaited"] == "say"

        await world.write("I am chec")
        assert await stream.draft() == "I am chec"

        await world.reply("I am checking.")
        assert texts(await stream.chat("I am checking.")) == [
            "What happened?",
            "The internet is down.",
            "I am checking.",
        ]


async def test_a_page_that_connects_again_is_told_everything(world: World) -> None:
    async with served(world) as url, visiting(url) as client:
        async with listening(client) as stream:
            await stream.chat("What happened?")
        await say(client, "Are you there?")
        await world.reply("I am.")

        async with listening(client) as stream:
            _, chat = await stream.next()

    assert texts(chat) == ["What happened?", "Are you there?", "I am."]


async def test_a_page_hears_nothing_of_other_visitors(world: World) -> None:
    async with (
        served(world) as url,
        visiting(url) as one,
        visiting(url) as other,
        listening(one) as stream_of_one,
        listening(other) as stream,
    ):
        await say(other, "Hello.")
        await stream.chat("Hello.", "waiting")
        asked_by_other = await world.asked()
        await say(one, "My secret.")
        await stream_of_one.chat("My secret.", "waiting")

        await world.write("Your secret")
        assert await stream_of_one.draft() == "Your secret"
        await world.write("Hello", asked_by_other)

        assert await stream.draft() == "Hello"


async def test_a_page_follows_its_visitor_into_a_new_dialogue(world: World) -> None:
    async with served(world) as url, visiting(url) as client, listening(client) as stream:
        await stream.chat("What happened?")
        await client.post("/api/new", json={"seed": "talk-ru"})
        await stream.chat("Привет! О чём поговорим?")

        await say(client, "О птицах.")
        await stream.chat("О птицах.", "waiting")
        await world.write("Птицы")

        assert await stream.draft() == "Птицы"


async def test_all_pages_of_a_visitor_show_the_same(world: World) -> None:
    async with served(world) as url, visiting(url) as client, listening(client) as one, listening(client) as other:
        await one.chat("What happened?")
        await other.chat("What happened?")
        await client.post("/api/new", json={"seed": "talk-ru"})
        await say(client, "Привет.")

        await one.chat("Привет.", "waiting")
        await other.chat("Привет.", "waiting")


async def test_a_failure_is_told_with_its_reason(world: World) -> None:
    async with served(world) as url, visiting(url) as client, listening(client) as stream:
        await stream.chat("What happened?")
        await say(client, "Hello.")
        await world.reply("", Outcome.ENGINE_DOWN)

        # Somebody may have read the chat between the recording and the word of it.
        while not (chat := await stream.chat("Hello.", "failed"))["failure"]:
            pass

    assert (chat["failure"], chat["awaited"]) == ("engine_down", None)


async def test_pages_of_another_process_hear_it_through_redis(world: World) -> None:
    there = Pages()
    async with (
        world.visitor() as client,
        following(WebDelivery(world.log, world.drafts, there), world.redis, world.keys),
    ):
        await say(client, "Hello.")
        [asked] = await world.asked()
        with there.open("somebody") as page:
            await page.news(MUCH_PATIENCE_S)
            there.follow(page, asked.dialogue_id)
            await world.reply("", Outcome.EMPTY)

            assert await page.news(MUCH_PATIENCE_S) == Changed("empty")


class DeadLine:
    """A line to the other processes that is down."""

    async def listen(self, channel: str) -> AsyncIterator[Draft]:
        for lost in list[Draft]():
            yield lost

    async def announce(self, channel: str, dialogue_id: str, failure: str = "") -> None:
        await asyncio.sleep(0)
        raise StorageUnavailable("Redis: down")


async def test_what_a_crash_left_unsent_is_delivered_after_the_next_start(world: World) -> None:
    async with world.visitor() as client:
        await say(client, "Hello.")
        [asked] = await world.asked()
        async with world.log.writing() as writing:
            reply = Reply(Outcome.ANSWERED, text="Hello!", turn_text="Hello!")
            await writing.record_reply(
                Finished("r1", CHANNEL, asked.dialogue_id, asked.epoch, (asked.message_id,), reply)
            )
        assert len(await world.log.unsent(CHANNEL)) == 1

        async with following(WebDelivery(world.log, world.drafts, Pages()), world.redis, world.keys):
            assert await world.log.unsent(CHANNEL) == []


async def test_without_redis_the_pages_of_this_process_still_hear(world: World) -> None:
    pages = Pages()
    with pages.open("somebody") as page:
        pages.follow(page, "d1")
        await page.news(MUCH_PATIENCE_S)

        await WebDelivery(world.log, DeadLine(), pages).announce("d1")

        assert await page.news(MUCH_PATIENCE_S) == Changed()


async def test_silence_is_broken_by_beats(redis_url: str, tmp_path: Path) -> None:
    async with (
        open_world(redis_url, tmp_path, beat_s=0.05) as world,
        served(world) as url,
        visiting(url) as client,
        listening(client) as stream,
    ):
        await stream.chat("What happened?")

        while (heard := await stream.next())[0] == "chat":
            pass

    assert heard == ("beat", None)


async def test_a_page_that_has_gone_is_forgotten(world: World) -> None:
    async with served(world) as url, visiting(url) as client:
        for _ in range(MAX_PAGES_PER_VISITOR + 4):
            async with listening(client) as stream:
                await stream.chat("What happened?")


async def test_open_pages_end_when_the_server_stops(world: World) -> None:
    async with contextlib.AsyncExitStack() as server:
        url = await server.enter_async_context(served(world))
        async with visiting(url) as client, listening(client) as stream:
            await stream.chat("What happened?")

            await server.aclose()

            with pytest.raises(EOFError):
                await stream.next()


async def test_a_slow_page_is_told_the_newest_draft_only() -> None:
    page = Page()
    await page.news(MUCH_PATIENCE_S)
    page.has_read(epoch=1, is_waiting=True)

    for text in ("I", "I am", "I am here"):
        page.show(Draft("d1", text, is_final=False, epoch=1))

    assert await page.news(MUCH_PATIENCE_S) == Written("I am here")
    assert await page.news(NO_PATIENCE_S) == Changed()  # it waits for a reply, so it looks for itself


async def test_a_draft_of_a_reply_that_was_called_off_is_not_shown() -> None:
    page = Page()
    await page.news(MUCH_PATIENCE_S)
    page.has_read(epoch=2, is_waiting=True)

    page.show(Draft("d1", "in time", is_final=False, epoch=2))
    page.show(Draft("d1", "too late", is_final=False, epoch=1))

    assert await page.news(MUCH_PATIENCE_S) == Written("in time")


async def test_a_draft_that_comes_after_its_reply_is_not_shown() -> None:
    page = Page()
    await page.news(MUCH_PATIENCE_S)
    page.has_read(epoch=1, is_waiting=True)
    page.show(Draft("d1", "nearly", is_final=False, epoch=1))
    page.has_read(epoch=1, is_waiting=False)
    page.show(Draft("d1", "late", is_final=False, epoch=1))

    assert await page.news(NO_PATIENCE_S) is None


async def test_a_change_goes_before_a_draft_and_the_end_before_everything() -> None:
    page = Page()
    page.has_read(epoch=1, is_waiting=True)
    page.show(Draft("d1", "new", is_final=False, epoch=1))
    assert await page.news(MUCH_PATIENCE_S) == Changed()
    assert await page.news(MUCH_PATIENCE_S) == Written("new")

    page.change()
    page.close()

    assert await page.news(MUCH_PATIENCE_S) == Closed()


async def test_the_second_word_of_a_change_does_not_take_back_why_there_is_no_reply() -> None:
    page = Page()
    page.change("engine_down")
    page.change()

    assert await page.news(MUCH_PATIENCE_S) == Changed("engine_down")


async def test_a_visitor_cannot_open_pages_without_end() -> None:
    pages = Pages()
    with contextlib.ExitStack() as opened:
        for _ in range(MAX_PAGES_PER_VISITOR):
            opened.enter_context(pages.open("somebody"))
        with pytest.raises(Refusal, match="too_many_pages"):
            opened.enter_context(pages.open("somebody"))

    with pages.open("somebody"):
        pass  # those that were closed no longer count


async def test_no_page_is_opened_while_the_server_stops() -> None:
    pages = Pages()
    pages.close()

    with pytest.raises(Refusal, match="going_down"), pages.open("somebody"):
        pass
