from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace

import pytest

from bot.conversation import Conversation
from bot.telegram.client import BotClient
from bot.telegram.delivery import Delivery
from bot.telegram.marking import Marking
from bot.telegram.pacing import Limits, Pacing, Rate
from dialogue.failpoints import arm
from dialogue.turns import Outcome
from storage.log.sql_log import SqlLog
from storage.operators import Role
from storage.records import Chat, ChatKind, Outgoing, SendState, TurnState
from tests.bot.telegram.background import running
from tests.bot.telegram.rig import UNLIMITED, a_reply
from tests.telegram_server import FakeTelegram


class Post:
    """Writes messages into the outbox and has them sent."""

    def __init__(self, telegram: FakeTelegram, conversation: Conversation, delivery: Delivery) -> None:
        self.delivery = delivery
        self._telegram, self._conversation = telegram, conversation

    async def write(self, *texts: str, chat_id: int = 1, **fields: str) -> list[Outgoing]:
        kind = ChatKind.PRIVATE if chat_id > 0 else ChatKind.GROUP
        async with self._conversation.session() as session:
            visit = await session.enter("telegram", str(chat_id), kind, str(abs(chat_id)), "Анна", "ru")
            for text in texts:
                await session.notice(visit, text, **fields)  # type: ignore[arg-type]
        return session.posted

    async def send(self, *texts: str, chat_id: int = 1, **fields: str) -> list[Outgoing]:
        outgoing = await self.write(*texts, chat_id=chat_id, **fields)
        await self.delivery.take(outgoing)
        return outgoing

    async def until_sent(self, *texts: str, chat_id: int = 1) -> None:
        await self._telegram.until(lambda: self._telegram.texts(chat_id) == list(texts))

    async def begin(self, outgoing: list[Outgoing]) -> list[Outgoing]:
        async with self._conversation.log.writing() as writing:
            return await self.delivery.begin(writing, outgoing)

    async def states(self) -> list[SendState]:
        return [each.state for each in await self._conversation.log.unsent("telegram")]

    async def reply(self, said: str, words: str) -> tuple[Chat, Outgoing]:
        """Have a person say something and the model's reply recorded; return their chat and what is to be sent."""
        async with self._conversation.session() as session:
            visit = await session.enter("telegram", "1", ChatKind.PRIVATE, "1", "Анна", "ru")
            await session.say(visit, said, "5")
        waiting = await self._conversation.log.waiting("telegram", older_than_s=-1.0)
        async with self._conversation.log.writing() as writing:
            outgoing = await writing.record_reply(a_reply(waiting, words))
        assert outgoing is not None
        return visit.chat, outgoing

    async def until_nothing_is_unsent(self) -> None:
        async with asyncio.timeout(20):
            while await self._conversation.log.unsent("telegram"):
                await asyncio.sleep(0.005)

    async def chat(self, chat_id: int) -> Chat:
        async with self._conversation.session() as session:
            kind = ChatKind.PRIVATE if chat_id > 0 else ChatKind.GROUP
            return (await session.enter("telegram", str(chat_id), kind, "1", "Анна", "ru")).chat


async def claim(log: SqlLog, chat: Chat) -> int:
    """Give the dialogue of a chat to an operator; return the operator's id."""
    async with log.writing() as writing:
        operator = await writing.add_operator("Ольга", Role.REVIEWER, "a hash")
        await writing.claim(chat.dialogue_id, operator.id)
    return operator.id


def fates(log_url: str) -> list[tuple[str, str]]:
    """Return of each message what became of it, and why it failed where it did."""
    with closing(sqlite3.connect(log_url.removeprefix("sqlite:///"))) as database:
        return list(database.execute("SELECT state, failure FROM outbox ORDER BY id"))


def marks(log_url: str) -> list[bool]:
    """Return of each message whether it is marked as a possible duplicate."""
    with closing(sqlite3.connect(log_url.removeprefix("sqlite:///"))) as database:
        return [bool(mark) for (mark,) in database.execute("SELECT is_maybe_duplicate FROM outbox ORDER BY id")]


@pytest.fixture
async def delivered() -> list[Outgoing]:
    """What the delivery has done with."""
    return []


@pytest.fixture
async def post(
    telegram: FakeTelegram, client: BotClient, log: SqlLog, conversation: Conversation, delivered: list[Outgoing]
) -> AsyncIterator[Post]:
    """The outbox, with somebody who empties it."""
    delivery = Delivery(client, Marking(log, "telegram"), Pacing(UNLIMITED), delivered.append, first_pause_s=0.001)
    async with running(delivery.run()):
        yield Post(telegram, conversation, delivery)


async def test_a_message_is_sent_and_no_longer_unsent(post: Post, delivered: list[Outgoing]) -> None:
    outgoing = await post.send("привет")
    await post.until_sent("привет")
    await post.until_nothing_is_unsent()
    assert delivered == outgoing


async def test_messages_of_a_chat_go_out_in_their_order(telegram: FakeTelegram, post: Post) -> None:
    telegram.latency_s = 0.002
    numbers = [str(number) for number in range(20)]
    for chat_id in (1, 2, 3):
        await post.send(*numbers, chat_id=chat_id)
    for chat_id in (1, 2, 3):
        await post.until_sent(*numbers, chat_id=chat_id)


async def test_a_long_message_goes_out_in_parts_with_the_buttons_below_the_last(
    telegram: FakeTelegram, post: Post
) -> None:
    text = "слово " * 1500
    await post.send(text, buttons=((("да", "yes"),),))  # type: ignore[arg-type]
    await telegram.until(lambda: "".join(telegram.texts(1)) == text)
    assert ["reply_markup" in call.params for call in telegram.sent(1)] == [False, False, True]


async def test_parts_that_were_sent_before_a_crash_are_not_sent_again(
    telegram: FakeTelegram, post: Post, log: SqlLog
) -> None:
    text = "слово " * 1500
    [outgoing] = await post.write(text)
    async with log.writing() as writing:
        await writing.mark_sending([outgoing.id])
        await writing.mark_part(outgoing.id, 1, "77")
    [again] = await log.unsent("telegram")
    assert (again.state, again.sent_parts, again.maybe_duplicate) == (SendState.SENDING, 1, True)
    await post.delivery.take([again])
    await post.until_nothing_is_unsent()
    assert len(telegram.texts(1)) == 2
    assert text.endswith("".join(telegram.texts(1)))


async def test_what_another_process_has_sent_meanwhile_is_not_sent_again(
    telegram: FakeTelegram, post: Post, log: SqlLog
) -> None:
    [queued] = await post.write("one")
    async with log.writing() as writing:
        await writing.mark_sent(queued.id, 1, ["77"])
    await post.delivery.take([queued])
    await post.send("two")
    await post.until_nothing_is_unsent()
    assert telegram.texts(1) == ["two"]


async def test_parts_of_white_space_only_are_left_out(telegram: FakeTelegram, post: Post) -> None:
    await post.send(" " * 5000 + "привет")
    await post.until_nothing_is_unsent()
    assert [text.strip() for text in telegram.texts(1)] == ["привет"]


async def test_half_a_surrogate_pair_does_not_stop_a_message(post: Post) -> None:
    await post.send("да\ud83d!")
    await post.until_sent("да\ufffd!")


async def test_a_flood_limit_pauses_its_own_chat_only(telegram: FakeTelegram, post: Post) -> None:
    telegram.fail("sendMessage", 429, chat_id=1, parameters={"retry_after": 1})
    await post.send("раз", "два", chat_id=1)
    await post.send("раз", "два", chat_id=2)
    await post.until_sent("раз", "два", chat_id=2)
    assert telegram.texts(1) == []
    await post.until_sent("раз", "два", chat_id=1)
    assert len([call for call in telegram.calls if call.status == 429]) == 1


async def test_a_chat_that_blocked_the_bot_is_tried_once_and_marked(telegram: FakeTelegram, post: Post) -> None:
    telegram.fail("sendMessage", 403, "Forbidden: bot was blocked by the user", chat_id=1, times=-1)
    await post.send("раз", "два", "три", chat_id=1)
    await post.until_nothing_is_unsent()
    assert [call.status for call in telegram.calls if call.method == "sendMessage"] == [403]
    assert not (await post.chat(1)).is_active


async def test_what_telegram_will_never_take_is_given_up_and_the_next_goes_out(
    telegram: FakeTelegram, post: Post
) -> None:
    telegram.fail("sendMessage", 400, "Bad Request: something is wrong with it")
    await post.send("плохо", "хорошо")
    await post.until_sent("хорошо")
    await post.until_nothing_is_unsent()


async def test_a_group_that_became_a_supergroup_gets_its_messages_there(telegram: FakeTelegram, post: Post) -> None:
    telegram.fail(
        "sendMessage", 400, "Bad Request: group chat was upgraded", -5, parameters={"migrate_to_chat_id": -1005}
    )
    await post.send("раз", "два", chat_id=-5)
    await post.until_sent("раз", "два", chat_id=-1005)
    await post.until_nothing_is_unsent()
    await post.send("три", chat_id=-1005)
    await post.until_sent("раз", "два", "три", chat_id=-1005)


@pytest.mark.parametrize("status", [500, 502, 401])
async def test_a_failing_server_delays_messages_but_loses_none_and_keeps_their_order(
    telegram: FakeTelegram, post: Post, status: int
) -> None:
    telegram.fail("sendMessage", status, times=3)
    await post.send("раз", "два", "три")
    await post.until_sent("раз", "два", "три")


async def test_a_message_whose_answer_was_lost_is_sent_again_and_marked(
    telegram: FakeTelegram, post: Post, log_url: str
) -> None:
    telegram.fail("sendMessage", drops_answer=True)
    await post.send("привет", "пока")
    await post.until_sent("привет", "привет", "пока")
    await post.until_nothing_is_unsent()
    assert marks(log_url) == [True, False]


async def test_a_message_that_is_queued_or_just_sent_is_not_taken_again(
    telegram: FakeTelegram, post: Post, log: SqlLog
) -> None:
    outgoing = await post.send("раз", "два")
    snapshot = await log.unsent("telegram")
    await post.delivery.take(outgoing)
    await post.until_nothing_is_unsent()
    await post.delivery.take(snapshot)

    async def unsent() -> list[Outgoing]:
        return await log.unsent("telegram")

    await post.delivery.sweep(unsent)
    await post.send("три")
    await post.until_sent("раз", "два", "три")


async def test_what_other_processes_posted_is_found(post: Post, log: SqlLog) -> None:
    await post.write("от оператора")
    await post.delivery.sweep(lambda: log.unsent("telegram"))
    await post.until_sent("от оператора")


@pytest.mark.parametrize(("language", "sentence"), [("ru", "Не нашлось слов"), ("en", "Words failed me")])
async def test_no_reply_is_answered_with_a_sentence_in_the_language_of_the_chat(
    telegram: FakeTelegram, post: Post, language: str, sentence: str
) -> None:
    [outgoing] = await post.write("")
    await post.delivery.take([replace(outgoing, outcome=Outcome.EMPTY, language=language)])
    await telegram.until(lambda: len(telegram.texts(1)) == 1)
    assert sentence in telegram.texts(1)[0]


async def test_replies_quote_the_message_in_groups_only(telegram: FakeTelegram, post: Post) -> None:
    await post.send("да", chat_id=1, reply_to="5")
    await post.send("да", chat_id=-1, reply_to="5")
    await post.until_nothing_is_unsent()
    assert "reply_parameters" not in telegram.sent(1)[0].params
    quoted = telegram.sent(-1)[0].params["reply_parameters"]
    assert (quoted["message_id"], quoted["allow_sending_without_reply"]) == (5, True)


async def test_a_topic_gets_its_messages(telegram: FakeTelegram, conversation: Conversation, post: Post) -> None:
    async with conversation.session() as session:
        visit = await session.enter("telegram", "-100:5", ChatKind.GROUP, "7", "Анна", "ru")
        await session.notice(visit, "привет")
    await post.delivery.take(session.posted)
    await post.until_sent("привет", chat_id=-100)
    assert telegram.sent(-100)[0].params["message_thread_id"] == 5


async def test_a_json_notice_goes_as_a_file_or_as_text_where_the_server_has_no_files(
    telegram: FakeTelegram, post: Post
) -> None:
    await post.send('{"а": 1}')
    await telegram.until(lambda: len(telegram.sent(1)) == 1)
    assert telegram.sent(1)[0].params["document"]["content"] == '{"а": 1}'
    telegram.is_minimal = True
    await post.send('{"а": 2}')
    await post.until_sent('{"а": 2}')


async def test_a_message_on_the_wire_when_the_bot_is_stopped_is_noted_and_the_next_is_not_begun(
    telegram: FakeTelegram, client: BotClient, log: SqlLog, conversation: Conversation
) -> None:
    telegram.latency_s = 0.05
    is_begun = asyncio.Event()
    arm(lambda name: is_begun.set() if name == "message-sending" else None)
    delivery = Delivery(client, Marking(log, "telegram"), Pacing(UNLIMITED))
    async with running(delivery.run()):
        await Post(telegram, conversation, delivery).send("раз", "два")
        await is_begun.wait()
    arm(lambda name: None)
    assert telegram.texts(1) == ["раз"]
    assert [(each.text, each.state) for each in await log.unsent("telegram")] == [("два", SendState.PENDING)]


async def test_what_need_not_wait_is_noted_in_the_transaction_that_records_it(
    post: Post, log: SqlLog, log_url: str
) -> None:
    await post.delivery.sweep(lambda: log.unsent("telegram"))
    begun = await post.begin([*await post.write("раз"), *await post.write("два", chat_id=2)])
    assert await post.states() == [SendState.SENDING] * 2

    # A sweep may find it before it is taken; but nobody else has begun it.
    await post.delivery.sweep(lambda: log.unsent("telegram"))
    await post.delivery.take(begun)

    await post.until_nothing_is_unsent()
    assert marks(log_url) == [False, False]


async def test_what_has_to_wait_for_its_chat_is_noted_later(post: Post) -> None:
    await post.begin(await post.write("раз", "два"))
    assert await post.states() == [SendState.SENDING, SendState.PENDING]


async def test_what_has_to_wait_for_telegrams_limits_is_noted_later(
    telegram: FakeTelegram, client: BotClient, log: SqlLog, conversation: Conversation
) -> None:
    delivery = Delivery(client, Marking(log, "telegram"), Pacing(Limits(overall=Rate(burst=1, per_s=1))))
    post = Post(telegram, conversation, delivery)
    await post.begin([*await post.write("раз"), *await post.write("два", chat_id=2)])
    assert await post.states() == [SendState.SENDING, SendState.PENDING]


async def test_an_erased_chat_gets_nothing_that_was_queued(telegram: FakeTelegram, post: Post) -> None:
    telegram.latency_s = 0.02
    outgoing = await post.send("раз", "два", "три")
    post.delivery.drop(outgoing[0].chat_id)
    await post.send("четыре", chat_id=2)
    await post.until_sent("четыре", chat_id=2)
    assert telegram.texts(1) == ["раз"]


async def test_a_reply_that_an_operator_was_faster_than_is_never_sent(
    telegram: FakeTelegram, post: Post, log: SqlLog, log_url: str
) -> None:
    chat, outgoing = await post.reply("привет", "Здравствуйте!")
    operator_id = await claim(log, chat)
    await post.delivery.take([outgoing])
    await post.until_nothing_is_unsent()
    assert [turn.state for turn in await log.transcript(chat.id)] == [TurnState.WAITING]
    async with log.writing() as writing:
        spoken = await writing.operator_says(chat.dialogue_id, operator_id, "Чем помочь?")
    await post.delivery.take([spoken])
    await post.until_sent("Чем помочь?")
    await post.until_nothing_is_unsent()
    assert [turn.text for turn in await log.transcript(chat.id)] == ["привет", "Чем помочь?"]
    assert fates(log_url) == [("failed", "an operator took the dialogue over"), ("sent", "")]


async def test_a_reply_that_waits_for_telegrams_pause_can_still_be_stopped_by_an_operator(
    telegram: FakeTelegram, post: Post, log: SqlLog, log_url: str
) -> None:
    telegram.fail("sendMessage", 429, chat_id=1, parameters={"retry_after": 1})
    chat, outgoing = await post.reply("привет", "Здравствуйте!")
    await post.delivery.take([outgoing])
    await telegram.until(lambda: any(call.status == 429 for call in telegram.calls))
    async with asyncio.timeout(20):
        while await post.states() != [SendState.PENDING]:
            await asyncio.sleep(0.005)
    operator_id = await claim(log, chat)
    async with log.writing() as writing:
        spoken = await writing.operator_says(chat.dialogue_id, operator_id, "Чем помочь?")
    await post.delivery.take([spoken])
    await post.until_sent("Чем помочь?")
    await post.until_nothing_is_unsent()
    assert len([call for call in telegram.calls if call.method == "sendMessage"]) == 2
    assert fates(log_url) == [("failed", "an operator took the dialogue over"), ("sent", "")]


async def test_a_reply_on_the_wire_comes_before_the_words_of_an_operator_who_did_not_wait_for_it(
    telegram: FakeTelegram, post: Post, log: SqlLog, log_url: str
) -> None:
    telegram.latency_s = 0.3
    is_begun = asyncio.Event()
    arm(lambda name: is_begun.set() if name == "message-sending" else None)
    chat, outgoing = await post.reply("привет", "Здравствуйте!")
    await post.delivery.take([outgoing])
    await is_begun.wait()
    arm(lambda name: None)

    operator_id = await claim(log, chat)
    async with log.writing() as writing:
        spoken = await writing.operator_says(chat.dialogue_id, operator_id, "Чем помочь?")
    await post.delivery.take([spoken])

    await post.until_sent("Здравствуйте!", "Чем помочь?")
    await post.until_nothing_is_unsent()
    assert [turn.text for turn in await log.transcript(chat.id)] == ["привет", "Здравствуйте!", "Чем помочь?"]
    assert fates(log_url) == [("sent", ""), ("sent", "")]
