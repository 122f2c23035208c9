from __future__ import annotations

import asyncio
import heapq
from bisect import bisect_left

from bot.telegram.pacing import Limits, Pacing, Rate


class FakeClock:
    """Time passes only while everybody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Event]] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.Event()
        heapq.heappush(self._sleepers, (self.now + seconds, len(self._sleepers), woken))
        await woken.wait()

    async def run(self, *senders: asyncio.Task[None]) -> None:
        while not all(sender.done() for sender in senders):
            for _ in range(20):
                await asyncio.sleep(0)
            if self._sleepers:
                self.now, _, woken = heapq.heappop(self._sleepers)
                woken.set()


async def sent_at(pacing: Pacing, clock: FakeClock, chats: dict[int, int]) -> dict[int, list[float]]:
    """Send so many messages to each chat (negative ids are groups) and return when each went out."""
    times: dict[int, list[float]] = {chat_id: [] for chat_id in chats}

    async def send(chat_id: int, count: int) -> None:
        for _ in range(count):
            await pacing.wait(chat_id, is_group=chat_id < 0)
            times[chat_id].append(clock.now)

    await clock.run(*(asyncio.create_task(send(chat_id, count)) for chat_id, count in chats.items()))
    return times


def most_in(times: list[float], span_s: float) -> int:
    return max(bisect_left(times, start + span_s) - index for index, start in enumerate(times))


async def test_a_chat_gets_a_short_burst_and_then_one_message_a_second() -> None:
    clock = FakeClock()
    times = await sent_at(Pacing(clock=clock, sleep=clock.sleep), clock, {1: 6})
    assert [round(time, 3) for time in times[1]] == [0, 0, 0, 1, 2, 3]


async def test_no_second_sees_more_than_thirty_messages() -> None:
    clock = FakeClock()
    times = await sent_at(Pacing(clock=clock, sleep=clock.sleep), clock, dict.fromkeys(range(1, 101), 2))
    assert most_in(sorted(time for chat in times.values() for time in chat), 1.0) <= 30


async def test_no_minute_of_a_group_sees_more_than_twenty_messages() -> None:
    clock = FakeClock()
    times = await sent_at(Pacing(clock=clock, sleep=clock.sleep), clock, {-1: 50})
    assert most_in(times[-1], 60.0) <= 20


async def test_a_pause_holds_up_its_own_chat_only() -> None:
    clock = FakeClock()
    pacing = Pacing(clock=clock, sleep=clock.sleep)
    pacing.pause(1, 7.0)
    times = await sent_at(pacing, clock, {1: 2, 2: 2})
    assert times[1] == [7.0, 8.0]
    assert max(times[2]) < 1.0


async def test_whoever_comes_first_is_served_first() -> None:
    clock = FakeClock()
    limits = Limits(overall=Rate(burst=1, per_s=1.0))
    times = await sent_at(Pacing(limits, clock, clock.sleep), clock, {1: 1, 2: 1, 3: 1})
    assert [round(times[chat][0], 3) for chat in (1, 2, 3)] == [0, 1, 2]


async def test_idle_chats_are_not_remembered_for_ever() -> None:
    clock = FakeClock()
    pacing = Pacing(Limits(overall=Rate(1e6, 1e6)), clock, clock.sleep)
    for chat_id in range(1, 5000):
        await pacing.wait(chat_id, is_group=False)
        clock.now += 0.1
    assert len(pacing._chats) < 1500


async def test_what_is_free_need_not_wait() -> None:
    clock = FakeClock()
    limits = Limits(chat=Rate(burst=1, per_s=1), overall=Rate(burst=3, per_s=1))
    pacing = Pacing(limits, clock=clock, sleep=clock.sleep)
    assert pacing.is_free(1, is_group=False, besides=2)
    assert not pacing.is_free(1, is_group=False, besides=3)
    await pacing.wait(1, is_group=False)
    assert not pacing.is_free(1, is_group=False)
    assert pacing.is_free(2, is_group=False, besides=1)
    pacing.pause(2, 5.0)
    assert not pacing.is_free(2, is_group=False)
