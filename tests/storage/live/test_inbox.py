"""What a channel queues, on a real valkey."""

from __future__ import annotations

from redis.asyncio import Redis

from dialogue.turns import Ask
from storage.live.inbox import RedisInbox
from storage.live.keys import Keys
from storage.records import Asked


def asked(dialogue_id: str, message_id: str) -> Asked:
    return Asked(message_id, "test", dialogue_id, 0, "small-talk-en", {}, Ask.SAY, "hello", "", 0.0)


async def test_messages_of_several_dialogues_are_queued_on_a_server_that_has_forgotten_the_scripts(
    redis: Redis, keys: Keys
) -> None:
    inbox = RedisInbox(redis, keys)
    await inbox.queue([asked("d1", "1")])
    await redis.script_flush()

    await inbox.queue([asked("d1", "1"), asked("d1", "2"), asked("d2", "3")])

    assert await redis.llen(keys.inbox("d1")) == 2
    assert await redis.llen(keys.inbox("d2")) == 1
    assert await redis.xlen(keys.jobs) == 2


async def test_nothing_to_queue_is_no_error(redis: Redis, keys: Keys) -> None:
    await RedisInbox(redis, keys).queue([])

    assert await redis.xlen(keys.jobs) == 0
