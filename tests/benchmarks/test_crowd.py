from __future__ import annotations

import asyncio

from benchmarks.crowd import Crowd
from tests.small_http import Request
from tests.telegram_server import TOKEN


async def send(crowd: Crowd, chat_id: int, text: str) -> None:
    """Send a message as the bot would."""
    await crowd.answer(Request(f"/bot{TOKEN}/sendMessage", {"chat_id": chat_id, "text": text}))


def words(crowd: Crowd) -> list[str]:
    """Return what was said and not yet confirmed."""
    return [update["message"]["text"] for update in crowd.pending()]


async def test_everybody_says_the_first_thing_at_once_and_the_next_when_that_is_answered() -> None:
    crowd = Crowd()

    crowd.talk(chats=2, messages=2)
    first = words(crowd)
    await send(crowd, 2, f"echo: {first[1]}")

    assert [text.split()[0] for text in words(crowd)] == ["1-1", "2-1", "2-2"]
    assert crowd.measured()["answered"] == 1
    assert crowd.measured()["complaints"] == []


async def test_nobody_says_more_than_was_asked_for() -> None:
    crowd = Crowd()
    crowd.talk(chats=1, messages=1)

    await send(crowd, 1, f"echo: {words(crowd)[0]}")

    assert len(words(crowd)) == 1
    assert len(crowd.delays_s()) == 1
    assert crowd.measured()["took_s"] >= crowd.delays_s()[0]


async def test_a_wrong_reply_is_complained_of_and_does_not_count() -> None:
    crowd = Crowd()
    crowd.talk(chats=1, messages=2)

    await send(crowd, 1, "echo: something else")

    assert crowd.measured()["answered"] == 0
    assert "something else" in crowd.measured()["complaints"][0]


async def test_a_reply_that_comes_twice_is_complained_of() -> None:
    crowd = Crowd()
    crowd.talk(chats=1, messages=1)
    reply = f"echo: {words(crowd)[0]}"
    await send(crowd, 1, reply)

    await send(crowd, 1, reply)

    assert crowd.measured()["answered"] == 1
    assert len(crowd.measured()["complaints"]) == 1


async def test_messages_are_spread_over_the_chats_when_said_evenly() -> None:
    crowd = Crowd()

    crowd.speak_evenly(chats=2, messages=3, per_s=1e6)
    while len(words(crowd)) < 3:
        await asyncio.sleep(0)

    assert [text.split()[0] for text in words(crowd)] == ["1-1", "2-1", "1-2"]
    assert "chat 1" in crowd.measured()["complaints"][0]
