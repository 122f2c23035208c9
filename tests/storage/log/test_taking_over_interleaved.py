"""Whatever happens between what, a person hears either the bot or the operator, and every message is answered once."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial

import pytest
from sqlalchemy import Row, select

from dialogue.errors import NotClaimed
from storage.log.sql import transaction
from storage.log.sql_log import SqlLog, sql_log
from storage.log.sqlite_engine import SqliteEngine
from storage.log.tables import answers, replies, turns
from storage.log.taking_over import CLAIM_LASTS_S
from storage.operators import Operator
from storage.records import Asked, Author, Finished, Outgoing, TurnState
from tests.storage.conftest import Clock
from tests.storage.log.places import Place, a_reply, an_operator, open_place

STEPS = 20


@dataclass
class Inbox:
    """The live state of one dialogue, as Redis keeps it: what waits, what is being answered, and in which epoch."""

    epoch: int = 0
    waiting: list[Asked] = field(default_factory=list)
    in_hand: list[Asked] = field(default_factory=list)
    answered: set[str] = field(default_factory=set)

    def interrupt(self, epoch: int) -> None:
        if epoch > self.epoch:
            self.epoch, self.waiting, self.in_hand, self.answered = epoch, [], [], set()

    def queue(self, asked: list[Asked]) -> None:
        if not asked or asked[0].epoch < self.epoch:
            return
        self.interrupt(asked[0].epoch)
        known = self.answered | {each.message_id for each in self.in_hand}
        self.waiting = [each for each in asked if each.message_id not in known]

    def take_back(self, finished: Finished) -> None:
        # A later epoch has begun with nothing answered.
        if finished.epoch == self.epoch:
            self.answered -= set(finished.message_ids)


class World:
    """A person, a bot, its worker and an operator, each of whom does one atomic thing at a time."""

    def __init__(self, log: SqlLog, place: Place, operator: Operator, clock: Clock, chance: random.Random) -> None:
        self.log, self.place, self.operator, self.clock, self.chance = log, place, operator, clock, chance
        self.dialogue_id = place.chat.dialogue_id
        self.inbox = Inbox()
        self.errands: list[Callable[[], None]] = []
        self.finished: deque[Finished] = deque()
        self.sending: Outgoing | None = None
        self.is_on_the_wire = False
        self.seen: list[Outgoing] = []
        self.said_by_person: list[str] = []
        self.said_by_operator: list[str] = []
        self.quiet_until = 0.0
        self.is_held = False
        self.is_any_unsent = False

    def possible(self) -> list[Callable[[], Awaitable[None]]]:
        """Return what may happen next, the more often the more is found by it."""
        steps = [*self.next_for_bot(), *self.next_for_bot(), *self.next_for_bot(), self.say]
        if self.is_held:
            steps += [self.operate, self.release, self.release, self.run_out, self.claim_and_wait, self.reconcile]
        else:
            steps += [self.chance.choice([self.claim, self.claim_and_wait, self.say, self.reconcile])]
        if self.sending is not None and not self.is_on_the_wire:
            steps += [self.be_refused, self.die]
        return steps

    def next_for_bot(self) -> list[Callable[[], Awaitable[None]]]:
        """Return what the bot and its worker would do next, each at its own pace."""
        steps: list[Callable[[], Awaitable[None]]] = []
        if self.errands:
            steps.append(self.do_errand)
        if self.inbox.waiting or self.inbox.in_hand:
            steps.append(self.work)
        if self.finished:
            steps.append(self.record)
        if self.is_on_the_wire:
            steps.append(self.mark_sent)
        elif self.sending is not None:
            steps.append(self.send)
        elif self.is_any_unsent:
            steps.append(self.begin_to_send)
        return steps

    async def say(self) -> None:
        self.clock.now += 1
        text = f"message {len(self.said_by_person)}"
        async with self.log.writing() as writing:
            await writing.say(self.place.chat, self.place.person, text)
            waiting = await writing.waiting_in([self.dialogue_id])
        self.said_by_person.append(text)
        self.errands.append(partial(self.inbox.queue, waiting))

    async def do_errand(self) -> None:
        """Do to the live state what a committed transaction means for it; processes are not always in order."""
        self.errands.pop(self.chance.choice([0, 0, -1]))()

    async def work(self) -> None:
        """Claim a job, or finish the one that was claimed."""
        if not self.inbox.in_hand:
            self.inbox.in_hand, self.inbox.waiting = self.inbox.waiting, []
            return
        taken, self.inbox.in_hand = self.inbox.in_hand, []
        self.inbox.answered |= {each.message_id for each in taken}
        self.finished.append(a_reply(*taken, text="to " + " and ".join(each.text for each in taken)))

    async def record(self) -> None:
        finished = self.finished.popleft()
        is_idle = self.sending is None and not await self.unsent()
        async with self.log.writing() as writing:
            outgoing = await writing.record_reply(finished)
            # Where nothing else is to be sent it may be noted at once, in the same transaction.
            if outgoing is not None and is_idle and self.chance.random() < 0.5:
                assert await writing.mark_sending([outgoing.id])
                self.sending = outgoing
        self.is_any_unsent |= outgoing is not None
        if outgoing is None:
            self.errands.append(partial(self.inbox.take_back, finished))

    async def unsent(self) -> list[Outgoing]:
        return [each for each in await self.log.unsent("telegram") if each.dialogue_id == self.dialogue_id]

    async def begin_to_send(self) -> None:
        unsent = await self.unsent()
        self.is_any_unsent = bool(unsent)
        if unsent:
            async with self.log.writing() as writing:
                self.sending = unsent[0] if await writing.mark_sending([unsent[0].id]) else None

    async def send(self) -> None:
        assert self.sending is not None
        is_quiet = self.clock.now < self.quiet_until
        assert not (is_quiet and self.sending.author is Author.MODEL), "the bot spoke while an operator did"
        self.seen.append(self.sending)
        self.is_on_the_wire = True

    async def mark_sent(self) -> None:
        assert self.sending is not None
        async with self.log.writing() as writing:
            await writing.mark_sent(self.sending.id, 1, [str(self.sending.id)])
        self.sending, self.is_on_the_wire = None, False

    async def be_refused(self) -> None:
        """Be told by the channel to come again later."""
        assert self.sending is not None
        async with self.log.writing() as writing:
            await writing.mark_unsent(self.sending.id)
        self.sending = None

    async def die(self) -> None:
        """Lose the process that was about to send."""
        self.sending = None

    async def reconcile(self) -> None:
        waiting = [each for each in await self.log.waiting("telegram", 0) if each.dialogue_id == self.dialogue_id]
        self.errands.append(partial(self.inbox.queue, waiting))

    async def claim(self) -> None:
        async with self.log.writing() as writing:
            claim = await writing.claim(self.dialogue_id, self.operator.id)
        self.is_held = True
        if claim.is_new:
            self.errands.append(partial(self.inbox.interrupt, claim.epoch))
        elif self.quiet_until:
            self.quiet_until = self.clock.now + CLAIM_LASTS_S

    async def claim_and_wait(self) -> None:
        """Claim, and count on it that the bot is quiet once nothing is on its way."""
        await self.claim()
        async with self.log.reviewing() as reading:
            if not await reading.is_reply_on_its_way(self.dialogue_id):
                self.quiet_until = self.clock.now + CLAIM_LASTS_S

    async def operate(self) -> None:
        text = f"by hand {len(self.said_by_operator)}"
        try:
            async with self.log.writing() as writing:
                await writing.operator_says(self.dialogue_id, self.operator.id, text)
        except NotClaimed:
            return
        self.said_by_operator.append(text)
        self.is_any_unsent = True
        self.quiet_until = self.quiet_until and self.clock.now + CLAIM_LASTS_S

    async def release(self) -> None:
        await self._release(self.operator.id)

    async def run_out(self) -> None:
        self.clock.now += CLAIM_LASTS_S
        self.quiet_until, self.is_held = 0.0, False
        if self.chance.random() < 0.5:
            await self._release(None)

    async def _release(self, operator_id: int | None) -> None:
        try:
            async with self.log.writing() as writing:
                await writing.release(self.dialogue_id, operator_id)
                waiting = await writing.waiting_in([self.dialogue_id])
        except NotClaimed:
            return
        finally:
            self.quiet_until, self.is_held = 0.0, False
        self.errands.append(partial(self.inbox.queue, waiting))

    async def come_to_rest(self) -> None:
        """Release, and do what is still to be done, until nothing waits any more."""
        await self.run_out()
        await self._release(None)
        for _ in range(100):
            while steps := self.next_for_bot():
                await steps[0]()
            await self.begin_to_send()
            await self.reconcile()
            if self.sending is None and not await self.log.waiting("telegram", 0):
                return
        raise AssertionError("it does not come to rest")

    async def check(self) -> None:
        """See that nothing is lost, doubled or out of order."""
        rows = await self.rows()
        said = [row for row in rows if row.dropped_at is None]
        assert [row.position for row in said] == list(range(1, len(said) + 1))
        from_person = [row for row in said if row.author == Author.PERSON]
        assert [row.text for row in from_person] == self.said_by_person
        assert all(row.state == TurnState.ANSWERED for row in from_person)
        bot = [row for row in said if row.author != Author.PERSON]
        assert [row.text for row in bot if row.author == Author.OPERATOR] == self.said_by_operator
        assert [each.text for each in self.seen] == [row.text for row in bot]
        answered = await self.answered()
        place = {row.reply_id: row.position for row in bot}
        assert [
            [place[reply_id] > row.position for reply_id in answered.get(row.id, []) if reply_id in place]
            for row in from_person
        ] == [[True]] * len(from_person)

    async def rows(self) -> list[Row[tuple[object, ...]]]:
        read = select(turns).where(turns.c.dialogue_id == self.dialogue_id).order_by(turns.c.position)
        async with transaction(self.log._engines.reading) as connection:
            return list((await connection.execute(read)).all())

    async def answered(self) -> dict[int, list[str]]:
        """Return the replies to each message."""
        read = select(answers).join(replies).where(replies.c.dialogue_id == self.dialogue_id)
        found: dict[int, list[str]] = {}
        async with transaction(self.log._engines.reading) as connection:
            for row in (await connection.execute(read)).all():
                found.setdefault(row.turn_id, []).append(row.reply_id)
        return found


@pytest.fixture
async def hasty_log(database_url: str, clock: Clock) -> AsyncIterator[SqlLog]:
    """A log that does not wait for the disk: nothing of this has to survive a power cut."""
    async with sql_log(database_url, clock) as log:
        if isinstance(log._engines.writing, SqliteEngine):
            async with log._engines.writing.connected() as connection:
                await connection.value("PRAGMA synchronous = OFF")
        yield log


async def test_whatever_comes_between_everybody_is_answered_once(
    hasty_log: SqlLog, clock: Clock, database_url: str
) -> None:
    operator = await an_operator(hasty_log)
    for number in range(1000 if database_url.startswith("sqlite") else 100):
        place = await open_place(hasty_log, str(number), person_id=str(number))
        chance = random.Random(number)
        world = World(hasty_log, place, operator, clock, chance)
        try:
            for _ in range(STEPS):
                await chance.choice(world.possible())()
            await world.come_to_rest()
            await world.check()
        except AssertionError as error:
            error.add_note(f"interleaving {number}")
            raise
