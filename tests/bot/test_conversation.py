"""What people can do, through the whole durable path but the channel: log, live state, worker, recorder, log."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from redis.asyncio import Redis

from bot.conversation import Conversation, Visit, chosen_language
from bot.reconciling import Reconciler
from bot.recording import Recorder
from dialogue.casting import SeedCasting
from dialogue.errors import EngineUnavailable, MessageEmpty, MessageTooLong, SeedError, SettingsError, TooManyWaiting
from dialogue.replying import Replier
from dialogue.turns import Outcome
from dialogue.worker import Worker
from storage.live.drafts import RedisDrafts
from storage.live.history import RedisHistory
from storage.live.inbox import RedisInbox
from storage.live.jobs import RedisJobs
from storage.live.keys import Keys
from storage.live.presence import Backlog, Presence, process_name
from storage.live.replies import RedisReplies
from storage.log.sql_log import SqlLog, sql_log
from storage.records import ChatKind, Outgoing, TurnState
from tests.fakes import GREETING_SEED, SEED, SEEDS, ScriptedEngine, counting_draws
from tests.storage.log.empty import empty_log


@dataclass
class House:
    """Everything between a channel and the model."""

    redis: Redis
    keys: Keys
    log: SqlLog
    engine: ScriptedEngine
    conversation: Conversation
    inbox: RedisInbox
    sent: asyncio.Queue[Outgoing] = field(default_factory=asyncio.Queue)

    async def deliver(self, outgoing: Sequence[Outgoing]) -> None:
        for each in outgoing:
            self.sent.put_nowait(each)

    async def visit(self) -> Visit:
        async with self.conversation.session() as session:
            return await session.enter("test", "place", ChatKind.PRIVATE, "person", "Ann", "en")

    async def say(self, text: str, external_id: str = "") -> None:
        visit = await self.visit()
        async with self.conversation.session() as session:
            await session.say(visit, text, external_id)

    async def talk(self, text: str, external_id: str = "") -> str:
        """Say something and return the reply."""
        await self.say(text, external_id)
        return (await self.sent.get()).text

    async def transcript(self) -> list[str]:
        visit = await self.visit()
        return [turn.text for turn in await self.log.transcript(visit.chat.id)]

    async def until_written(self, count: int) -> None:
        while len(self.engine.prompts) < count or self.engine.at_work == 0:
            await asyncio.sleep(0.01)


@pytest.fixture
async def house(redis: Redis, keys: Keys, tmp_path: Path) -> AsyncIterator[House]:
    url = empty_log(tmp_path / "log.db")
    async with AsyncExitStack() as stack:
        log = await stack.enter_async_context(sql_log(url))
        drafts = RedisDrafts(redis, keys)
        jobs = RedisJobs(redis, keys, drafts, process_name("worker"))
        await stack.enter_async_context(jobs.at_work())
        engine = ScriptedEngine([])
        replier = Replier(engine, SeedCasting(SEEDS, SEED.name), counting_draws())
        worker = Worker(jobs, RedisHistory(redis, keys, log), replier, slots=4)
        inbox = RedisInbox(redis, keys)
        house = House(redis, keys, log, engine, Conversation(log, inbox, SEEDS, [SEED.name]), inbox)
        recorder = Recorder(log, RedisReplies(redis, keys, "test", process_name("test")), inbox, house.deliver)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(worker.run(asyncio.Event())), group.create_task(recorder.run())]
            yield house
            for task in tasks:
                task.cancel()


async def test_a_dialogue_grows_turn_by_turn(house: House) -> None:
    house.engine.lines = [" Hello.\nUser1:", " Fine.\nUser1:"]

    replies = [await house.talk("Hi"), await house.talk("How are you?")]

    assert replies == ["Hello.", "Fine."]
    assert house.engine.prompts[-1].text == "A chat.\nUser1: Hi\nUser2: Hello.\nUser1: How are you?\nUser2:"
    assert await house.transcript() == ["Hi", "Hello.", "How are you?", "Fine."]


async def test_what_missed_the_queue_is_answered_with_what_is_said_next(house: House) -> None:
    house.engine.lines = [" Hello to both.\nUser1:"]
    visit = await house.visit()
    async with house.log.writing() as writing:  # and then the process dies
        await writing.say(visit.chat, visit.person, "one")

    reply = await house.talk("two")

    assert reply == "Hello to both."
    assert await house.transcript() == ["one", "two", "Hello to both."]


async def test_a_retry_shows_another_version_and_drops_the_old_one_from_the_context(house: House) -> None:
    house.engine.lines = [" First.\nUser1:", " Second.\nUser1:", " Third.\nUser1:"]
    await house.talk("Hi")

    visit = await house.visit()
    async with house.conversation.session() as session:
        await session.retry(visit)
    second = await house.sent.get()
    await house.talk("And?")

    assert second.text == "Second."
    assert house.engine.prompts[-1].text == "A chat.\nUser1: Hi\nUser2: Second.\nUser1: And?\nUser2:"
    turns = await house.log.transcript(visit.chat.id)
    assert [(turn.text, turn.version) for turn in turns][1] == ("Second.", 2)


async def test_a_reply_can_be_continued(house: House) -> None:
    house.engine.lines = [" One\nUser1:", " and two.\nUser1:"]
    await house.talk("Count")

    visit = await house.visit()
    async with house.conversation.session() as session:
        await session.go_on(visit)
    continuation = await house.sent.get()

    assert continuation.text == "and two."
    assert await house.transcript() == ["Count", "One and two."]


async def test_undo_takes_the_last_exchange_out_of_the_context(house: House) -> None:
    house.engine.lines = [" A.\nUser1:", " B.\nUser1:", " C.\nUser1:"]
    await house.talk("one")
    await house.talk("two")

    visit = await house.visit()
    async with house.conversation.session() as session:
        is_undone = await session.undo(visit)
    await house.talk("three")

    assert is_undone
    assert house.engine.prompts[-1].text == "A chat.\nUser1: one\nUser2: A.\nUser1: three\nUser2:"


async def test_cancelling_frees_the_worker_and_nothing_is_sent(house: House) -> None:
    house.engine.gate = asyncio.Event()
    house.engine.lines = [" never\nUser1:"]
    await house.say("Hi")
    await house.until_written(1)

    visit = await house.visit()
    async with house.conversation.session() as session:
        was_there = await session.cancel(visit)
    while house.engine.at_work:
        await asyncio.sleep(0.01)

    assert was_there
    assert house.sent.empty()
    assert await Presence(house.redis, house.keys).backlog() == Backlog(0, 0)
    assert [turn.state for turn in await house.log.transcript(visit.chat.id)] == [TurnState.CANCELLED]


async def test_an_edited_message_is_answered_anew(house: House) -> None:
    house.engine.lines = [" Paris.\nUser1:", " Rome.\nUser1:"]
    await house.talk("Capital of France?", external_id="55")

    visit = await house.visit()
    async with house.conversation.session() as session:
        is_reworded = await session.reword(visit, "55", "Capital of Italy?")
    reply = await house.sent.get()

    assert is_reworded
    assert reply.text == "Rome."
    assert house.engine.prompts[-1].text == "A chat.\nUser1: Capital of Italy?\nUser2:"
    assert await house.transcript() == ["Capital of Italy?", "Rome."]


async def test_a_new_dialogue_begins_with_the_greeting_of_its_seed(house: House) -> None:
    house.engine.lines = [" A.\nUser1:", " B.\nUser1:"]
    await house.talk("old words")

    visit = await house.visit()
    async with house.conversation.session() as session:
        await session.start_anew(visit, GREETING_SEED.name)
    await house.talk("new words")

    assert [outgoing.text for outgoing in session.posted] == ["Hello! What happened?"]
    assert house.engine.prompts[-1].text == "A chat.\nUser2: Hello! What happened?\nUser1: new words\nUser2:"


async def test_a_new_dialogue_frees_the_worker_that_is_at_the_old_one(house: House) -> None:
    house.engine.gate = asyncio.Event()
    house.engine.lines = [" never\nUser1:"]
    await house.say("Hi")
    await house.until_written(1)

    visit = await house.visit()
    async with house.conversation.session() as session:
        await session.start_anew(visit)
    async with asyncio.timeout(20):
        while house.engine.at_work:
            await asyncio.sleep(0.01)

    assert house.sent.empty()
    assert await Presence(house.redis, house.keys).backlog() == Backlog(0, 0)


async def test_an_unknown_seed_changes_nothing(house: House) -> None:
    visit = await house.visit()

    with pytest.raises(SeedError, match="plain-en"):
        async with house.conversation.session() as session:
            await session.start_anew(visit, "plain-e")

    assert (await house.visit()).chat.dialogue_id == visit.chat.dialogue_id


@pytest.mark.parametrize(("text", "refusal"), [(" \n\t", MessageEmpty), ("x" * 201, MessageTooLong)])
async def test_what_cannot_be_taken_is_refused_and_not_kept(house: House, text: str, refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        await house.say(text)

    assert await house.transcript() == []


async def test_a_flood_is_refused_beyond_the_limit(house: House) -> None:
    house.engine.gate = asyncio.Event()
    house.engine.lines = [" one\nUser1:", " all the others\nUser1:"]
    for number in range(20):
        await house.say(f"message {number}")

    with pytest.raises(TooManyWaiting):
        await house.say("one too many")

    house.engine.gate.set()
    await house.sent.get()


async def test_people_choose_within_bounds(house: House) -> None:
    house.engine.lines = [" A.\nUser1:"]
    visit = await house.visit()
    async with house.conversation.session() as session:
        visit = await session.change_setting(visit, "length", "short")
        visit = await session.change_setting(visit, "language", "ru")
    await house.talk("Hi")

    assert house.engine.prompts[-1].sampling.max_new_tokens == SEED.sampling.max_new_tokens // 2
    assert chosen_language(visit.chat) == "ru"
    with pytest.raises(SettingsError):
        async with house.conversation.session() as session:
            await session.change_setting(visit, "length", "1000000")


async def test_an_engine_that_is_down_is_told_and_a_retry_answers_later(house: House) -> None:
    house.engine.lines = [EngineUnavailable("down"), " Back.\nUser1:"]
    await house.say("Hi")
    apology = await house.sent.get()

    visit = await house.visit()
    async with house.conversation.session() as session:
        await session.retry(visit)
    reply = await house.sent.get()

    assert (apology.outcome, apology.text) == (Outcome.ENGINE_DOWN, "")
    assert reply.text == "Back."
    assert await house.transcript() == ["Hi", "Back."]


async def test_what_was_forgotten_is_in_neither_store_nor_answered_later(house: House) -> None:
    house.engine.gate = asyncio.Event()
    house.engine.lines = [" A secret reply.\nUser1:"]
    await house.say("my secret")
    await house.until_written(1)

    visit = await house.visit()
    async with house.conversation.session() as session:
        await session.forget(visit)
    house.engine.gate.set()
    while house.engine.at_work:
        await asyncio.sleep(0.01)

    keys_left = [key async for key in house.redis.scan_iter(f"*{visit.chat.dialogue_id}*")]
    assert keys_left == []
    assert await house.transcript() == []
    assert house.sent.empty()


async def test_forgetting_frees_the_place_of_the_reply_that_is_being_written(house: House) -> None:
    house.engine.gate = asyncio.Event()
    house.engine.lines = [" Never said.\nUser1:"]
    await house.say("my secret")
    await house.until_written(1)

    visit = await house.visit()
    async with house.conversation.session() as session:
        await session.forget(visit)
    while house.engine.at_work:
        await asyncio.sleep(0.01)

    assert not house.engine.gate.is_set()
    assert await Presence(house.redis, house.keys).backlog() == Backlog(0, 0)


async def test_a_redis_that_lost_everything_loses_nothing_that_was_said(house: House) -> None:
    house.engine.lines = [" A.\nUser1:", " B.\nUser1:"]
    await house.talk("one")
    async for key in house.redis.scan_iter(f"{house.keys.prefix.replace('{', '?').replace('}', '?')}[ijrs]*"):
        await house.redis.delete(key)
    visit = await house.visit()
    async with house.log.writing() as writing:  # as if the process had died before it queued
        await writing.say(visit.chat, visit.person, "two")

    reconciler = Reconciler(house.log, house.inbox, "test")
    while house.sent.empty():
        await reconciler.reconcile()
        await asyncio.sleep(0.05)

    assert (await house.sent.get()).text == "B."
    assert house.engine.prompts[-1].text == "A chat.\nUser1: one\nUser2: A.\nUser1: two\nUser2:"
