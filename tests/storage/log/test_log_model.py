"""Whatever people and workers do, in any order: the log keeps the same transcript as a small model of it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dialogue.turns import Ask, Outcome
from storage.log.sql_log import SqlLog
from storage.records import Asked
from tests.storage.log.places import Place, a_reply, open_place


@dataclass(eq=False)
class Said:
    """A message of the model; `number` is its external id."""

    number: int
    text: str
    ask: Ask = Ask.SAY


@dataclass(eq=False)
class Reply:
    """A reply of the model."""

    text: str
    answers: list[Said]


@dataclass
class Model:
    """A dialogue in memory: what has its place, and what waits."""

    placed: list[Said | Reply] = field(default_factory=list)
    waiting: list[Said] = field(default_factory=list)

    def ask(self, ask: Ask) -> None:
        if all(said.ask is not ask for said in self.waiting):
            self.waiting.append(Said(0, "", ask))

    def take(self) -> list[Said]:
        """Take what a worker answers together: the words up to the next wish, or one wish."""
        words = list(itertools.takewhile(lambda said: said.ask is Ask.SAY, self.waiting))
        taken = words or self.waiting[:1]
        self.waiting = self.waiting[len(taken) :]
        return taken

    def answer(self, taken: list[Said], text: str) -> None:
        if taken[0].ask is Ask.SAY:
            self.placed += [*taken, Reply(text, taken)]
        else:
            last = self.placed[-1]
            assert isinstance(last, Reply)
            last.text = text

    def interrupt(self) -> None:
        self.placed += [said for said in self.waiting if said.ask is Ask.SAY]
        self.waiting = []

    def undo(self) -> bool:
        self.interrupt()
        dropped = self.unanswered() or self.last_exchange()
        self.placed = [turn for turn in self.placed if turn not in dropped]
        return bool(dropped)

    def reword(self, number: int, text: str) -> bool:
        words = [said for said in self.waiting if said.ask is Ask.SAY]
        again = [said for said in [*words, *self.unanswered()] if said.number == number]
        dropped: list[Said | Reply] = [*again]
        if not again:
            dropped = self.last_exchange()
            again = [turn for turn in dropped if isinstance(turn, Said)]
        found = next((said for said in again if said.number == number), None)
        if found is None:
            return False
        found.text = text
        self.placed = [turn for turn in self.placed if turn not in dropped]
        self.waiting = sorted([*again, *(said for said in words if said not in again)], key=lambda said: said.number)
        return True

    def unanswered(self) -> list[Said]:
        said: list[Said] = []
        for turn in reversed(self.placed):
            if isinstance(turn, Reply):
                break
            said.insert(0, turn)
        return said

    def last_exchange(self) -> list[Said | Reply]:
        reply = next((turn for turn in reversed(self.placed) if isinstance(turn, Reply)), None)
        return [] if reply is None else [*reply.answers, reply]


class Both:
    """The same things done to the log and to its model."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.model = Model()
        self.asked: list[Asked] = []
        self._count = 0
        self._said = 0

    async def do(self, what: str, choice: int) -> None:
        """Do one thing and compare."""
        self._count += 1
        await getattr(self, what)(choice)
        placed = [turn.text for turn in self.model.placed]
        assert await self.place.history() == placed
        assert await self.place.texts() == placed + [said.text for said in self.model.waiting if said.text]
        waiting = await self.place.log.waiting("telegram", 0)
        self.asked = [asked for asked in waiting if asked.dialogue_id == self.place.chat.dialogue_id]
        assert [(asked.ask, asked.text) for asked in self.asked] == [
            (said.ask, said.text) for said in self.model.waiting
        ]

    async def say(self, choice: int) -> None:
        self._said += 1
        said = Said(self._said, f"message {self._said}")
        self.model.waiting.append(said)
        await self.place.say(said.text, str(said.number))

    async def exchange(self, choice: int) -> None:
        await self.do("say", choice)
        await self.answer(choice)

    async def retry(self, choice: int) -> None:
        self.model.ask(Ask.RETRY)
        await self.place.ask(Ask.RETRY)

    async def go_on(self, choice: int) -> None:
        self.model.ask(Ask.CONTINUE)
        await self.place.ask(Ask.CONTINUE)

    async def answer(self, choice: int) -> None:
        if taken := self.model.take():
            asked, text = self.asked[: len(taken)], f"reply {self._count}"
            can_answer = taken[0].ask is Ask.SAY or (self.model.placed and isinstance(self.model.placed[-1], Reply))
            if can_answer:
                self.model.answer(taken, text)
                assert await self.place.record(a_reply(*asked, text=text)) is not None
            else:
                assert await self.place.record(a_reply(*asked, outcome=Outcome.NOTHING_TO_RETRY)) is not None

    async def fail(self, choice: int) -> None:
        if taken := self.model.take():
            self.model.placed += [said for said in taken if said.ask is Ask.SAY]
            assert await self.place.record(a_reply(*self.asked[: len(taken)], outcome=Outcome.EMPTY)) is not None

    async def answer_too_late(self, choice: int) -> None:
        if self.asked:
            stale = replace(a_reply(self.asked[0], text="too late"), epoch=self.place.chat.epoch - 1)
            assert await self.place.record(stale) is None

    async def interrupt(self, choice: int) -> None:
        assert await self.place.interrupt() == len(self.model.waiting)
        self.model.interrupt()

    async def undo(self, choice: int) -> None:
        assert await self.place.undo() == self.model.undo()

    async def reword(self, choice: int) -> None:
        number, text = self._said - choice % 3, f"message {self._count}, reworded"
        assert (await self.place.reword(str(number), text) is not None) == self.model.reword(number, text)

    async def start_anew(self, choice: int) -> None:
        async with self.place.log.writing() as writing:
            self.place.chat = await writing.new_dialogue(self.place.chat)
        self.model = Model()


OFTEN = ["say", "answer", "exchange", "exchange", "undo", "reword", "reword"]
RARELY = ["retry", "go_on", "fail", "answer_too_late", "interrupt", "start_anew"]
_examples = itertools.count(1)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(OFTEN + RARELY), st.integers(0, 30)), min_size=12, max_size=25))
async def test_the_log_and_its_model_stay_the_same(log: SqlLog, things: list[tuple[str, int]]) -> None:
    both = Both(await open_place(log, str(next(_examples))))
    for what, choice in things:
        await both.do(what, choice)
    await both.do("interrupt", 0)
