"""A log to be exported from: people talk to the real reply flow, operators judge, and what is exported is read back."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dialogue.casting import SeedCasting
from dialogue.ports import Job
from dialogue.replying import Replier
from dialogue.seeds import Seeds
from dialogue.turns import Ask, Message
from storage.export.exporting import Exported, export
from storage.export.plan import Plan
from storage.export.wanted import Format, Wanted
from storage.log.review.changes import Change
from storage.log.sql_log import SqlLog
from storage.operators import Operator
from storage.records import Asked, ChatKind, Finished
from tests.fakes import SEED, ScriptedEngine, counting_draws
from tests.storage.log.places import Place, an_operator, open_place

SUPPORT = replace(SEED, name="small-talk", language="ru", text="Чат поддержки.\n***")
ENGLISH = replace(SEED, name="small-talk-en", language="en", text="A chat.\n***")

_numbers = itertools.count(1)


@dataclass
class Studio:
    """Makes dialogues, and exports them."""

    log: SqlLog
    url: str
    folder: Path
    olga: Operator
    seeds: Seeds
    model: str = "gemma"
    context_tokens: int = 1000

    async def place(self, number: int = 17, kind: ChatKind = ChatKind.PRIVATE, person: int | None = None) -> Place:
        """Open a chat; in a private one its number is also the person's."""
        return await open_place(self.log, str(number), kind, str(person or number), name=f"N{person or number}")

    async def exchange(self, place: Place, text: str, reply: str, *more: str) -> int:
        """Say something and have it answered by the reply flow; return the turn of the reply."""
        asked = [await place.say(each) for each in (text, *more)]
        return await self.answer(place, asked, reply)

    async def answer(self, place: Place, asked: Sequence[Asked], reply: str) -> int:
        """Have the reply flow answer what was asked; return the turn of the reply."""
        history = await self.log.history(place.chat.dialogue_id)
        finished = await self._finished(asked, reply, history.dialogue)
        outgoing = await place.record(finished)
        assert outgoing is not None
        # What was not sent yet would be taken back when an operator comes.
        await place.deliver()
        return int(outgoing.turn_id)

    async def again(self, place: Place, reply: str, ask: Ask = Ask.RETRY) -> int:
        """Ask for another version of the last reply, or for more of it."""
        return await self.answer(place, [await place.ask(ask)], reply)

    async def operator_says(
        self, place: Place, text: str, *proposed: str, take: int | None = None, meanwhile: str = ""
    ) -> int:
        """Take the dialogue over, have the model propose, and write in its place; return the turn.

        Args:
            meanwhile: what the person says between the proposals and the operator's words.
        """
        id = place.chat.dialogue_id
        drafts: list[int | None] = []
        async with self.log.writing() as writing:
            await writing.claim(id, self.olga.id)
        async with self.log.reviewing() as reading:
            waiting = await reading.waiting_words(id)
        for each in proposed:
            messages = tuple(Message(words.text) for words in waiting)
            history = await self.log.history(id)
            reply = await self._replier(each).reply(self._job(messages, id), history.dialogue, lambda text: None)
            async with self.log.writing() as writing:
                drafts.append(await writing.record_draft(id, reply))
        if meanwhile:
            await place.say(meanwhile)
        async with self.log.writing() as writing:
            outgoing = await writing.operator_says(id, self.olga.id, text, None if take is None else drafts[take])
            await writing.release(id, self.olga.id)
        return int(outgoing.turn_id)

    async def judge(self, place: Place, turn_id: int, **fields: Any) -> None:
        """Change fields of a turn's verdict."""
        async with self.log.writing() as writing:
            changes = [Change(place.chat.dialogue_id, name, value, turn_id) for name, value in fields.items()]
            await writing.change(self.olga, changes)

    async def approve(self, *places: Place, approval: str = "approved", by: str = "Olga") -> None:
        """Decide about the dialogues of some chats."""
        operator = await an_operator(self.log, by)
        async with self.log.writing() as writing:
            await writing.change(operator, [Change(each.chat.dialogue_id, "approval", approval) for each in places])

    async def thumb(self, place: Place, turn_id: int, is_up: bool | None) -> None:
        """Have the person of a place think something of a reply."""
        async with self.log.writing() as writing:
            await writing.thumb(place.chat, place.person, turn_id, is_up, "button")

    async def export(self, format: Format, name: str = "out.jsonl", **options: Any) -> Exported:
        """Export into the folder, over what is there."""
        plan = Plan(format, self.folder / name, **{"is_overwriting": True, **options})
        return await export(self.url, self.seeds, plan, lambda stage, share: None)

    async def rows(self, format: Format, wanted: Wanted | None = None, **options: Any) -> list[dict[str, Any]]:
        """Export, and return the rows as they are in the file."""
        await self.export(format, wanted=wanted or Wanted(), **options)
        return lines(self.folder / "out.jsonl")

    async def _finished(self, asked: Sequence[Asked], reply: str, dialogue: Any) -> Finished:
        messages = tuple(Message(each.text, each.ask) for each in asked)
        job = self._job(messages, asked[0].dialogue_id, seed=asked[0].seed)
        written = await self._replier(reply).reply(job, dialogue, lambda text: None)
        ids = tuple(each.message_id for each in asked)
        return Finished(f"r{next(_numbers)}", "telegram", asked[0].dialogue_id, asked[0].epoch, ids, written)

    def _replier(self, reply: str) -> Replier:
        engine = ScriptedEngine([f" {reply}\nUser1:"] * 16, model=self.model, context_tokens=self.context_tokens)
        return Replier(engine, SeedCasting(self.seeds, SUPPORT.name), counting_draws())

    @staticmethod
    def _job(messages: tuple[Message, ...], dialogue_id: str, seed: str = SUPPORT.name) -> Job:
        ids = tuple(str(index) for index in range(len(messages)))
        return Job(
            dialogue_id,
            seed=seed,
            settings={},
            messages=messages,
            channel="telegram",
            message_ids=ids,
            after="",
            age_s=0.0,
            tries=1,
            attempt=1,
            epoch=0,
            ticket="1-1",
        )


def lines(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a file of JSON lines."""
    return [json.loads(line) for line in path.read_bytes().split(b"\n") if line]
