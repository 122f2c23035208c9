"""What a channel does to the live state of a dialogue: queue messages, interrupt it, forget it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from redis.asyncio import Redis

from storage.keys import HISTORY_LIFETIME_S, Keys
from storage.records import Asked
from storage.redis_connection import DialogueScript, translated_errors
from storage.wire import encode_asked


class RedisInbox:
    """The bot's side of a dialogue's live state."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis = redis
        self._keys = keys
        self._queue = DialogueScript(redis, "queue")
        self._interrupt = DialogueScript(redis, "interrupt")

    async def queue(self, messages: Sequence[Asked]) -> None:
        """Queue messages, oldest first; one that is queued or answered already is left alone.

        Raises:
            StorageUnavailable: Redis is out of reach or full; some of the messages may be queued.
        """
        with translated_errors():
            async with self._redis.pipeline(transaction=False) as pipe:
                for asked in messages:
                    await self._queue(
                        self._keys.dialogue(asked.dialogue_id),
                        [
                            asked.dialogue_id,
                            asked.epoch,
                            asked.message_id,
                            encode_asked(asked),
                            self._keys.interruptions,
                            HISTORY_LIFETIME_S,
                        ],
                        pipe,
                    )
                await pipe.execute()

    async def interrupt(self, dialogue_id: str, epoch: int) -> None:
        """Make everything of an earlier epoch void: what waits, what is being written, the cached history.

        Raises:
            StorageUnavailable: Redis is out of reach.
        """
        await self._interrupt(
            self._keys.dialogue(dialogue_id), [dialogue_id, epoch, self._keys.interruptions, HISTORY_LIFETIME_S]
        )

    async def forget_history(self, dialogue_ids: Iterable[str]) -> None:
        """Have the histories read from SQL again.

        Raises:
            StorageUnavailable: Redis is out of reach.
        """
        names = [self._keys.history(dialogue_id) for dialogue_id in dialogue_ids]
        with translated_errors():
            if names:
                await self._redis.delete(*names)

    async def forget(self, dialogue_ids: Iterable[str]) -> None:
        """Erase all that Redis knows of dialogues that are over.

        Raises:
            StorageUnavailable: Redis is out of reach.
        """
        names = [
            name
            for dialogue_id in dialogue_ids
            for name in (self._keys.inbox(dialogue_id), self._keys.history(dialogue_id), self._keys.state(dialogue_id))
        ]
        with translated_errors():
            if names:
                await self._redis.delete(*names)
