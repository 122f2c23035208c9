"""What the model was given to write a turn, told from the log whatever has happened since."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from itertools import takewhile

import pytest

from dialogue.errors import NothingToRetry
from dialogue.turns import Ask, Dialogue, Outcome, Speaker, Turn
from storage.log.sql_log import SqlLog
from storage.operators import Operator
from storage.records import Asked, Author, Finished
from tests.storage.conftest import Clock
from tests.storage.log.places import Place, a_generation, a_reply, an_operator, open_place

STEPS = 30


async def said_before(log: SqlLog, turn_id: int) -> tuple[list[str], str]:
    async with log.reviewing() as reading:
        found = await reading.said_before(turn_id)
    assert found is not None
    dialogue, asked = found
    return [turn.text for turn in dialogue.turns], asked


async def turns_of(place: Place) -> dict[str, int]:
    """Return the ids of all turns that the model wrote in the dialogue, dropped ones too, by their texts."""
    async with place.log.reviewing() as reading:
        found = await reading.dialogue(place.chat.dialogue_id)
    assert found is not None
    return {turn.text: turn.id for turn in found.turns if turn.author is Author.MODEL}


@pytest.fixture
def later(clock: Clock) -> Callable[[], None]:
    """Let a second pass: between two things that people do there is always some time."""

    def pass_a_second() -> None:
        clock.now += 1

    return pass_a_second


async def test_a_reply_was_given_all_that_was_said_before(log: SqlLog, place: Place, later: Callable[[], None]) -> None:
    async with log.writing() as writing:
        await writing.greet(place.chat, "Welcome!")
    for text in ("one", "two"):
        later()
        await place.exchange(text, text.upper())

    assert await said_before(log, await place.turn("ONE")) == (["Welcome!", "one"], "say")
    assert await said_before(log, await place.turn("TWO")) == (["Welcome!", "one", "ONE", "two"], "say")


async def test_a_message_said_while_the_model_wrote_was_not_given(
    log: SqlLog, place: Place, later: Callable[[], None]
) -> None:
    first, second = await place.say("first"), await place.say("second")
    later()
    await place.record(a_reply(first, text="FIRST"))
    later()
    await place.record(a_reply(second, text="SECOND"))

    assert await said_before(log, await place.turn("FIRST")) == (["first"], "say")
    assert await said_before(log, await place.turn("SECOND")) == (["first", "FIRST", "second"], "say")


async def test_each_version_was_given_the_question_again(log: SqlLog, place: Place, later: Callable[[], None]) -> None:
    await place.exchange("one", "ONE")
    for text in ("UNO", "EINS"):
        later()
        await place.record(a_reply(await place.ask(Ask.RETRY), text=text))
    later()
    await place.exchange("two", "TWO")

    turns = await turns_of(place)
    assert await said_before(log, turns["ONE"]) == (["one"], "say")
    assert await said_before(log, turns["UNO"]) == (["one"], "retry")
    assert await said_before(log, turns["EINS"]) == (["one"], "retry")
    assert await said_before(log, turns["TWO"]) == (["one", "EINS", "two"], "say")


async def test_what_was_continued_was_given_too(log: SqlLog, place: Place, later: Callable[[], None]) -> None:
    await place.exchange("one", "ONE")
    later()
    await place.record(a_reply(await place.ask(Ask.CONTINUE), text="more", turn_text="ONE more"))

    assert await said_before(log, await place.turn("ONE more")) == (["one", "ONE"], "continue")


async def test_what_was_undone_later_was_given_and_what_was_undone_before_was_not(
    log: SqlLog, place: Place, later: Callable[[], None]
) -> None:
    for text in ("one", "two"):
        await place.exchange(text, text.upper())
        later()
    await place.undo()
    later()
    await place.exchange("three", "THREE")
    later()
    await place.undo()
    await place.undo()

    turns = await turns_of(place)
    assert await said_before(log, turns["TWO"]) == (["one", "ONE", "two"], "say")
    assert await said_before(log, turns["THREE"]) == (["one", "ONE", "three"], "say")


async def test_each_reply_was_given_the_wording_of_its_time(
    log: SqlLog, place: Place, later: Callable[[], None]
) -> None:
    burst = [await place.say("wto"), await place.say("three")]
    later()
    await place.record(a_reply(*burst, text="WTO?"))
    for text in ("tow", "two"):
        later()
        again = await place.reword("1", text)
        assert again is not None
        later()
        await place.record(a_reply(*again, text=text.upper()))

    turns = await turns_of(place)
    assert await said_before(log, turns["WTO?"]) == (["wto", "three"], "say")
    assert await said_before(log, turns["TOW"]) == (["tow", "three"], "say")
    assert await said_before(log, turns["TWO"]) == (["two", "three"], "say")


async def test_what_was_called_off_or_failed_was_given_and_what_was_put_aside_was_not(
    log: SqlLog, place: Place, later: Callable[[], None]
) -> None:
    for text, outcome in (("poison", Outcome.PUT_ASIDE), ("hm", Outcome.EMPTY)):
        await place.record(a_reply(await place.say(text), outcome=outcome))
        later()
    await place.say("never mind")
    await place.interrupt()
    later()
    await place.exchange("one", "ONE")

    assert await said_before(log, await place.turn("ONE")) == (["hm", "never mind", "one"], "say")


async def test_a_late_reply_was_given_what_there_was_when_it_was_begun(
    log: SqlLog, place: Place, later: Callable[[], None]
) -> None:
    olga = await an_operator(log)
    await place.exchange("one", "ONE")
    await place.deliver()
    later()
    asked = await place.say("tow")
    later()
    await place.reword("2", "two")
    await place.say("three")
    async with log.writing() as writing:
        await writing.claim(place.chat.dialogue_id, olga.id)
        await writing.operator_says(place.chat.dialogue_id, olga.id, "by hand")
    later()
    await place.record(a_reply(asked, text="too late", drawn=(a_generation(duration_s=1.5),)))

    assert await said_before(log, (await turns_of(place))["too late"]) == (["one", "ONE", "tow"], "say")


async def test_a_proposal_was_given_what_waited(log: SqlLog, place: Place, later: Callable[[], None]) -> None:
    olga = await an_operator(log)
    await place.exchange("one", "ONE")
    await place.deliver()
    later()
    async with log.writing() as writing:
        await writing.claim(place.chat.dialogue_id, olga.id)
    asked = [await place.say("two"), await place.say("three")]
    later()
    await place.say("four")
    async with log.writing() as writing:
        draft = await writing.record_draft(place.chat.dialogue_id, a_reply(*asked, text="BOTH").reply)
        await writing.operator_says(place.chat.dialogue_id, olga.id, "by hand", draft)

    assert draft is not None
    assert await said_before(log, draft) == (["one", "ONE", "two", "three"], "say")


async def test_what_was_taken_back_for_an_operator_was_given_its_question(
    log: SqlLog, place: Place, later: Callable[[], None]
) -> None:
    olga = await an_operator(log)
    await place.exchange("one", "ONE")
    await place.deliver()
    await place.exchange("two", "TWO")
    later()
    async with log.writing() as writing:
        await writing.claim(place.chat.dialogue_id, olga.id)
    await place.say("three")
    async with log.writing() as writing:
        await writing.operator_says(place.chat.dialogue_id, olga.id, "by hand")

    assert await said_before(log, (await turns_of(place))["TWO"]) == (["one", "ONE", "two"], "say")


async def test_only_the_model_was_given_anything(log: SqlLog, place: Place) -> None:
    olga = await an_operator(log)
    async with log.writing() as writing:
        greeting = int(await writing.greet(place.chat, "Welcome!"))
        asked = await writing.say(place.chat, place.person, "one")
        await writing.claim(place.chat.dialogue_id, olga.id)
        outgoing = await writing.operator_says(place.chat.dialogue_id, olga.id, "by hand")
    async with log.reviewing() as reading:
        for turn_id in (greeting, int(asked.message_id), int(outgoing.turn_id), 4711):
            assert await reading.said_before(turn_id) is None


class Rehearsal:
    """A dialogue in which anything may happen, and a worker that remembers what it was given."""

    def __init__(self, place: Place, operator: Operator, clock: Clock, chance: random.Random) -> None:
        self.place, self.operator, self.clock, self.chance = place, operator, clock, chance
        self.job: Sequence[Asked] = ()
        self.begun_at = 0.0
        self.given: dict[str, Dialogue] = {}
        self.is_any_called_off = False
        self._count = 0

    async def take_a_step(self) -> None:
        self._count += 1
        self.clock.now += 1
        go_on = [self.write] * 6 if self.job else [self.begin] * 6
        people = [self.say, self.say, self.retry, self.go_on, self.undo, self.reword, self.interrupt]
        step: Callable[[], Awaitable[None]] = self.chance.choice([*go_on, *people, self.operate, self.deliver])
        await step()

    async def begin(self) -> None:
        """Take what is answered together: the words up to the next wish, or one wish."""
        async with self.place.log.writing() as writing:
            waiting = await writing.waiting_in([self.place.chat.dialogue_id])
        words = list(takewhile(lambda asked: asked.ask is Ask.SAY, waiting))
        self.job = words or waiting[:1]
        self.begun_at = self.clock.now
        self.question = await self._question()

    async def _question(self) -> Dialogue:
        logged = await self.place.log.history(self.place.chat.dialogue_id)
        ids = {asked.message_id for asked in self.job}
        said = zip(logged.dialogue.turns, logged.turn_ids, strict=True)
        history = Dialogue(tuple(turn for turn, id in said if id not in ids))
        if self.job and self.job[0].ask is Ask.RETRY:
            return history.without_last_reply()
        words = [Turn(Speaker.PERSON, asked.text) for asked in self.job if asked.ask is Ask.SAY]
        return Dialogue((*history.turns, *words))

    async def write(self) -> None:
        job, self.job = self.job, ()
        text = f"reply {self._count}"
        finished = replace(self._reply(job, text), reply_id=f"{self.place.chat.id}-{self._count}")
        await self.place.record(finished)
        if finished.reply.outcome is Outcome.ANSWERED:
            self.given[text] = self.question

    def _reply(self, job: Sequence[Asked], text: str) -> Finished:
        wanted = Speaker.BOT if job[0].ask is Ask.CONTINUE else Speaker.PERSON
        can_answer = bool(self.question.turns) and self.question.turns[-1].speaker is wanted
        drawn = (a_generation(duration_s=self.clock.now - self.begun_at),)
        if not can_answer or self.chance.random() < 0.1:
            self.is_any_called_off = True
            return a_reply(*job, outcome=Outcome.EMPTY, drawn=drawn)
        return a_reply(*job, text=text, drawn=drawn)

    async def say(self) -> None:
        await self.place.say(f"message {self._count}", str(self._count))

    async def retry(self) -> None:
        await self._wish(Ask.RETRY)

    async def go_on(self) -> None:
        await self._wish(Ask.CONTINUE)

    async def _wish(self, ask: Ask) -> None:
        try:
            await self.place.ask(ask)
        except NothingToRetry:
            await self.say()

    async def undo(self) -> None:
        self.is_any_called_off = True
        await self.place.undo()

    async def reword(self) -> None:
        number = self._count - self.chance.randrange(1, 6)
        await self.place.reword(str(number), f"message {number}, in step {self._count}")

    async def interrupt(self) -> None:
        self.is_any_called_off = True
        await self.place.interrupt()

    async def operate(self) -> None:
        # What is called off or fails keeps its place; messages whose reply is taken back later come behind it.
        if self.is_any_called_off:
            await self.deliver()
        async with self.place.log.writing() as writing:
            await writing.claim(self.place.chat.dialogue_id, self.operator.id)
            await writing.operator_says(self.place.chat.dialogue_id, self.operator.id, f"by hand {self._count}")
            await writing.release(self.place.chat.dialogue_id, self.operator.id)

    async def deliver(self) -> None:
        self.is_any_called_off = False
        await self.place.deliver()


async def test_whatever_has_happened_it_is_what_the_worker_was_given(
    log: SqlLog, clock: Clock, database_url: str
) -> None:
    operator = await an_operator(log)
    for number in range(100 if database_url.startswith("sqlite") else 20):
        place = await open_place(log, str(number), person_id=str(number))
        rehearsal = Rehearsal(place, operator, clock, random.Random(number))
        for _ in range(STEPS):
            await rehearsal.take_a_step()
        turns = await turns_of(place)
        assert turns.keys() == rehearsal.given.keys()
        for text, given in rehearsal.given.items():
            before, _ = await said_before(log, turns[text])
            assert before == [turn.text for turn in given.turns], (number, text)


async def test_what_stood_before_a_question_was_given_whatever_the_clocks_say(
    log: SqlLog, place: Place, clock: Clock
) -> None:
    olga = await an_operator(log)
    await place.exchange("one", "ONE")
    async with log.writing() as writing:
        await writing.claim(place.chat.dialogue_id, olga.id)
        await writing.operator_says(place.chat.dialogue_id, olga.id, "I am a human.")
        await writing.release(place.chat.dialogue_id, olga.id)
    clock.now -= 1
    await place.exchange("two", "TWO")

    assert await said_before(log, await place.turn("TWO")) == (["one", "ONE", "I am a human.", "two"], "say")
