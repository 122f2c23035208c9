"""Questions aside: a seed answers once, whoever asks gets the reply, and nothing of it is kept.

Such a question belongs to no dialogue of a person. It is answered by a job of a dialogue of its own, as a rehearsal is,
and neither it nor the answer is kept: not in the log, and in Redis no longer than it takes.

Any number of processes may ask on one channel. A reply is taken in by any of them, not always by the one that asked:
what it has no use for it passes on, and erases it. So what a dead process has asked is erased by those that live.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from dialogue.errors import AsidesClosed, NoAnswerInTime, StorageUnavailable, TooManyAsides
from dialogue.turns import Ask, Dialogue, Reply
from storage.live.inbox import RedisInbox
from storage.live.replies import RedisReplies
from storage.records import Asked, Finished

logger = logging.getLogger(__name__)

_BATCH = 50
_PAUSE_S = 0.5


class Asides:
    """Asks the workers aside.

    Args:
        replies: of the channel through which the answers come back.
        most_at_once: so many are answered at a time, whoever asks: those who talk to the bot come first.
    """

    def __init__(
        self, inbox: RedisInbox, replies: RedisReplies, most_at_once: int, clock: Callable[[], float] = time.time
    ) -> None:
        self._inbox, self._replies, self._most_at_once, self._clock = inbox, replies, most_at_once, clock
        self._awaited: dict[str, asyncio.Future[Reply | None]] = {}
        self._is_closed = False

    async def ask(
        self,
        seed: str,
        text: str,
        settings: Mapping[str, str],
        patience_s: float,
        said: Dialogue = Dialogue(),
        ask: Ask = Ask.SAY,
    ) -> Reply:
        """Have a seed answer, or measure; whoever is cancelled meanwhile calls it off.

        Args:
            seed: its name, as the workers know it.
            settings: see `dialogue.choices`.
            said: what was said before.

        Raises:
            TooManyAsides, NoAnswerInTime, AsidesClosed: there is no answer.
            StorageUnavailable: Redis is out of reach.
        """
        if self._is_closed:
            raise AsidesClosed("the process is about to end")
        if len(self._awaited) >= self._most_at_once:
            raise TooManyAsides(self._most_at_once)
        dialogue_id = secrets.token_hex(8)
        self._awaited[dialogue_id] = awaited = asyncio.get_running_loop().create_future()
        reply: Reply | None = None
        try:
            async with asyncio.timeout(patience_s):
                if said.turns:
                    await self._inbox.begin(dialogue_id, said)
                await self._inbox.queue([self._asked(dialogue_id, seed, text, settings, ask)])
                reply = await awaited
        except TimeoutError as error:
            raise NoAnswerInTime(patience_s) from error
        finally:
            del self._awaited[dialogue_id]
            if reply is None:
                # Nobody waits for it any more. Without Redis the reply comes after all, and is erased then.
                with suppress(StorageUnavailable):
                    await self._inbox.forget([dialogue_id])
        if reply is None:
            raise AsidesClosed("the process is about to end")
        return reply

    async def run(self) -> None:
        """Take replies in until cancelled."""
        async with self._replies.at_work(), asyncio.TaskGroup() as tasks:
            tasks.create_task(self._hear())
            await self._take_in()

    def close(self) -> None:
        """Let nobody wait any longer, and take no more questions."""
        self._is_closed = True
        for awaited in self._awaited.values():
            if not awaited.done():
                awaited.set_result(None)

    def _asked(self, dialogue_id: str, seed: str, text: str, settings: Mapping[str, str], ask: Ask = Ask.SAY) -> Asked:
        return Asked(
            message_id="1",
            channel=self._replies.channel,
            dialogue_id=dialogue_id,
            epoch=0,
            seed=seed,
            settings=dict(settings),
            ask=ask,
            text=text,
            after="",
            at=self._clock(),
        )

    async def _take_in(self) -> None:
        taken: Sequence[Finished] = ()
        while True:
            try:
                # Before more is taken: what could not be erased for want of Redis is still to be.
                await self._erase(taken)
                taken = await self._replies.claim(_BATCH)
            except StorageUnavailable as error:
                logger.warning("answers to questions aside wait: %s", error)
                await asyncio.sleep(_PAUSE_S)
                continue
            for finished in taken:
                if not self._hand_over(finished):
                    # Lost words cost whoever waits an answer, no more.
                    with suppress(StorageUnavailable):
                        await self._replies.pass_on(finished)

    async def _hear(self) -> None:
        async for finished in self._replies.passed_on():
            self._hand_over(finished)

    def _hand_over(self, finished: Finished) -> bool:
        """Give a reply to whoever waits for it; False where nobody does here."""
        awaited = self._awaited.get(finished.dialogue_id)
        if awaited is None:
            return False
        if not awaited.done():
            awaited.set_result(finished.reply)
        return True

    async def _erase(self, taken: Sequence[Finished]) -> None:
        # Erased first: a reply that is still there is taken in again, what is left without one stays for a week.
        await self._inbox.forget([finished.dialogue_id for finished in taken])
        await self._replies.acknowledge(taken)
