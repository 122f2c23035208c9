"""What a channel does to the live state of a dialogue: queue messages, interrupt it, forget it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from redis.asyncio import Redis

from dialogue.turns import Dialogue
from storage.live.keys import HISTORY_LIFETIME_S, HISTORY_TURNS, Keys
from storage.live.redis_connection import Argument, DialogueScript
from storage.live.rehearsal import rehearsal_of
from storage.live.wire import encode_asked, encode_turn
from storage.records import Asked, Finished


class RedisInbox:
    """The bot's side of a dialogue's live state."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._keys = keys
        self._begin = DialogueScript(redis, "begin")
        self._queue = DialogueScript(redis, "queue")
        self._interrupt = DialogueScript(redis, "interrupt")
        self._take_back = DialogueScript(redis, "take_back")
        self._forget = DialogueScript(redis, "forget")

    async def begin(self, dialogue_id: str, said: Dialogue) -> None:
        """Begin a dialogue that the log knows nothing of with what was said in it before.

        Raises:
            StorageUnavailable: Redis is out of reach or full.
        """
        turns = [encode_turn(turn, turn_id="") for turn in said.turns[-HISTORY_TURNS:]]
        await self._begin(
            self._keys.dialogue(dialogue_id), [dialogue_id, self._keys.interruptions, HISTORY_LIFETIME_S, *turns]
        )

    async def queue(self, messages: Sequence[Asked]) -> None:
        """Queue messages; one that is in hand or answered already is left alone.

        Args:
            messages: oldest first; of each dialogue all that wait, at least up to the last one given. What else is in
                its inbox and older than that does not wait any more, and is taken out.

        Raises:
            StorageUnavailable: Redis is out of reach or full; some of the messages may be queued.
        """
        dialogues: dict[tuple[str, int], list[Asked]] = defaultdict(list)
        for asked in messages:
            dialogues[asked.dialogue_id, asked.epoch].append(asked)
        await self._queue.for_each([self._call(*of_one, waiting) for of_one, waiting in dialogues.items()])

    async def interrupt(self, dialogue_id: str, epoch: int) -> None:
        """Make everything of an earlier epoch void: what waits, what is being written, the cached history.

        Raises:
            StorageUnavailable: Redis is out of reach.
        """
        await self._interrupt(
            self._keys.dialogue(dialogue_id), [dialogue_id, epoch, self._keys.interruptions, HISTORY_LIFETIME_S]
        )

    async def take_back(self, refused: Iterable[Finished]) -> None:
        """Undo what replies that SQL refused did here: their messages may be queued again, the history is read again.

        Where a later epoch has begun there is nothing to undo.

        Raises:
            StorageUnavailable: Redis is out of reach.
        """
        await self._take_back.for_each(
            [
                (self._keys.dialogue(each.dialogue_id), [each.dialogue_id, each.epoch, *each.message_ids])
                for each in refused
            ]
        )

    async def forget(self, dialogue_ids: Iterable[str]) -> None:
        """Free who works on these dialogues and rehearses them, and erase all that Redis knows of them.

        Raises:
            StorageUnavailable: Redis is out of reach.
        """
        both = [name for each in dialogue_ids for name in (each, rehearsal_of(each))]
        await self._forget.for_each([(self._keys.dialogue(each), [each, self._keys.interruptions]) for each in both])

    def _call(self, dialogue_id: str, epoch: int, waiting: Sequence[Asked]) -> tuple[list[str], list[Argument]]:
        arguments: list[Argument] = [dialogue_id, epoch, self._keys.interruptions, HISTORY_LIFETIME_S]
        for asked in waiting:
            arguments += [asked.message_id, encode_asked(asked)]
        return self._keys.dialogue(dialogue_id), arguments
