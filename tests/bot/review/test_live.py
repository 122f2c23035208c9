"""What open pages are told, and when they are told no more."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack
from dataclasses import replace

import pytest
from httpx import AsyncClient

from bot.review.live import MOST_LISTENERS, Watch
from bot.web.app import web_app
from bot.web.refusals import Refusal
from storage.operators import Role
from tests.bot.review.hearing import listening
from tests.bot.review.world import World, served


@pytest.fixture
async def url(world: World) -> AsyncIterator[str]:
    """The address of a server whose pages hear a beat all the time."""
    async with served(replace(world, app=web_app(*replace(world.review, beat_s=0.05).routers()))) as url:
        yield url


class Clock:
    """The time of a process that was held up."""

    held_up_s = 0.0

    def __call__(self) -> float:
        return time.time() + self.held_up_s


async def a_dialogue(world: World, text: str) -> str:
    async with world.visitor() as visitor:
        return await world.exchange(visitor, text, "I see.")


async def approve(operator: AsyncClient, dialogue_id: str) -> None:
    change = await operator.patch(f"/review/api/dialogues/{dialogue_id}", json={"approval": "approved"})
    change.raise_for_status()


async def test_what_one_operator_changes_another_ones_pages_are_told(world: World, url: str) -> None:
    dialogue_id = await a_dialogue(world, "The internet is down.")
    async with (
        world.operator(Role.LEAD) as lead,
        listening(world, url) as inbox,
        listening(world, url, dialogue_id) as dialogue,
    ):
        await inbox.settle()
        await dialogue.settle()
        await approve(lead, dialogue_id)

        assert await inbox.next("changed") == [dialogue_id]
        assert await dialogue.next("changed") == [dialogue_id]


async def test_what_a_person_says_pages_are_told(world: World, url: str) -> None:
    async with world.visitor() as visitor, listening(world, url) as inbox:
        dialogue_id = await world.said(visitor, "Hello?")

        assert await inbox.next("changed") == [dialogue_id]


async def test_pages_are_told_that_a_person_was_forgotten(world: World, url: str) -> None:
    async with world.visitor() as visitor:
        dialogue_id = await world.exchange(visitor, "Hello?", "I see.")
        async with listening(world, url) as inbox, listening(world, url, dialogue_id) as dialogue:
            await inbox.settle()
            await dialogue.settle()
            (await visitor.post("/api/forget", json={})).raise_for_status()

            assert dialogue_id in (await inbox.next("changed") or [])
            assert await dialogue.next("changed") == [dialogue_id]


async def test_a_page_of_one_dialogue_is_not_told_of_others(world: World) -> None:
    one, other = await a_dialogue(world, "Hello?"), await a_dialogue(world, "Is anybody there?")
    with world.watch.listening(one) as page, world.watch.listening("") as inbox:
        async with asyncio.timeout(10):
            while inbox.changed != {one, other}:
                await asyncio.sleep(0.01)
        world.watch._tell(other, {"turn": None, "is_final": False, "text": "not for this page"})

    assert page.changed == {one}
    assert page.proposal is None
    assert inbox.proposal is None


async def test_what_changed_while_the_process_was_held_up_is_told_nevertheless(world: World) -> None:
    dialogue_id = await a_dialogue(world, "Hello?")
    clock = Clock()
    watch = Watch(world.log, clock)
    async with world.operator() as operator:
        with watch.listening("") as page:
            await watch.look()
            page.changed.clear()
            await approve(operator, dialogue_id)
            clock.held_up_s = 60.0
            await watch.look()

    assert page.changed == {dialogue_id}


async def test_a_page_that_has_nothing_to_hear_hears_a_beat(world: World, url: str) -> None:
    async with listening(world, url) as page:
        assert [await page.next("beat") for _ in range(3)] == [None, None, None]
        assert page.response.headers["content-type"].startswith("text/event-stream")
        assert page.response.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("how", ["logged out", "disabled"])
async def test_a_stream_ends_with_the_session_in_which_it_began(world: World, url: str, how: str) -> None:
    operator = world.operators[Role.REVIEWER]
    async with listening(world, url) as page:
        await page.next("beat")
        async with world.log.writing() as writing:
            if how == "disabled":
                await writing.set_operator_active(operator.name, False)
            else:
                async with world.log.reviewing() as reading:
                    session = await reading.session(page.secret)
                assert session is not None
                await writing.end_session(session.id)

        # Until the stream ends: one that went on would beat for ever.
        async with asyncio.timeout(10):
            heard = [name async for name, _ in page.events]
    assert set(heard) <= {"beat"}


async def test_when_the_server_goes_down_streams_end_and_none_begins(world: World, url: str) -> None:
    async with listening(world, url) as page, world.operator() as operator:
        await page.next("beat")
        world.watch.close()

        assert await page.next("changed") is None
        refused = await operator.get("/review/api/events")
    assert (refused.status_code, refused.json()["reason"]) == (503, "going_down")


async def test_more_pages_than_a_process_can_serve_are_refused_in_a_sentence(world: World) -> None:
    async with world.operator() as operator:
        with ExitStack() as stack:
            for _ in range(MOST_LISTENERS):
                stack.enter_context(world.watch.listening(""))
            refused = await operator.get("/review/api/events")
        with world.watch.listening(""):
            pass  # There is room again.

    assert (refused.status_code, refused.json()["reason"]) == (429, "too_many_pages")


async def test_a_page_that_was_closed_is_told_nothing(world: World) -> None:
    with world.watch.listening("") as page:
        pass
    world.watch.close()

    assert not page.is_closed
    with pytest.raises(Refusal, match="going_down"), world.watch.listening(""):
        pass


@pytest.mark.parametrize("dialogue", ["../1", "x", "0" * 33, "%00"])
async def test_a_dialogue_that_cannot_be_is_not_listened_to(world: World, dialogue: str) -> None:
    async with world.operator() as operator:
        assert (await operator.get(f"/review/api/events?dialogue={dialogue}")).status_code == 422
