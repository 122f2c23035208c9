"""A chat and a person in it, for tests to speak through."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

from dialogue.turns import Ask, Completion, Generation, Outcome, Reply, Sampling, StopReason
from storage.log.sql_log import SqlLog
from storage.operators import Operator, Role
from storage.records import Asked, Chat, ChatKind, Finished, Outgoing, Person, ShownTurn

_numbers = itertools.count(1)


def a_generation(
    text: str = "raw text\nUser1:",
    draw: int = 7,
    model: str = "gemma",
    likelihood: float | None = None,
    duration_s: float = 0.5,
) -> Generation:
    """Return one draw of a model."""
    completion = Completion(text, StopReason.TAG, 120, 100, 9, 0.25, duration_s, likelihood)
    return Generation("small-talk", "5eed", "9a5h", model, "main@1", Sampling(top_k=5), draw, completion, queued_s=0.01)


def a_reply(
    *asked: Asked,
    text: str = "",
    outcome: Outcome = Outcome.ANSWERED,
    drawn: tuple[Generation, ...] | None = None,
    **options: object,
) -> Finished:
    """Return what a worker hands on for messages: an answer with `text`, or a failure."""
    is_answered = outcome is Outcome.ANSWERED
    whole = str(options.get("turn_text", text)) if is_answered else ""
    drawn = (a_generation(f"raw {text}"),) if drawn is None else drawn
    reply = Reply(outcome, asked[0].ask, text if is_answered else "", whole, drawn)
    return Finished(
        reply_id=f"reply-{next(_numbers)}",
        channel=asked[0].channel,
        dialogue_id=asked[0].dialogue_id,
        epoch=asked[0].epoch,
        message_ids=tuple(each.message_id for each in asked),
        reply=reply,
    )


@dataclass
class Place:
    """A person in a chat of a log; each method is one transaction."""

    log: SqlLog
    chat: Chat
    person: Person
    _external_ids: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    async def say(self, text: str, external_id: str = "") -> Asked:
        """Say something, by default under the next of the numbers 1, 2, 3 ..."""
        async with self.log.writing() as writing:
            return await writing.say(self.chat, self.person, text, external_id or str(next(self._external_ids)))

    async def ask(self, ask: Ask) -> Asked:
        """Ask for something without words."""
        async with self.log.writing() as writing:
            return await writing.ask(self.chat, self.person, ask)

    async def record(self, finished: Finished) -> Outgoing | None:
        """Record a reply."""
        async with self.log.writing() as writing:
            return await writing.record_reply(finished)

    async def exchange(self, text: str, reply: str) -> Asked:
        """Say something and have it answered."""
        asked = await self.say(text)
        assert await self.record(a_reply(asked, text=reply)) is not None
        return asked

    async def deliver(self) -> list[str]:
        """Send everything that is due in all chats; return the texts."""
        sent = []
        for outgoing in await self.log.unsent("telegram"):
            async with self.log.writing() as writing:
                is_due = outgoing.id in await writing.mark_sending([outgoing.id])
            if is_due:
                sent.append(outgoing.text)
                async with self.log.writing() as writing:
                    await writing.mark_sent(outgoing.id, 1, [f"sent-{outgoing.id}"])
        return sent

    async def undo(self) -> bool:
        """Take the last exchange back."""
        async with self.log.writing() as writing:
            self.chat, is_undone = await writing.undo(self.chat)
        return is_undone

    async def reword(self, external_id: str, text: str) -> list[Asked] | None:
        """Edit a message; return what waits again."""
        async with self.log.writing() as writing:
            reworded = await writing.reword(self.chat, self.person, external_id, text)
        if reworded is None:
            return None
        self.chat, asked = reworded
        return asked

    async def interrupt(self) -> int:
        """Call off what waits; return how many messages that were."""
        async with self.log.writing() as writing:
            self.chat, waiting = await writing.interrupt(self.chat)
        return waiting

    async def shown(self) -> list[ShownTurn]:
        """Return the transcript as people see it."""
        return await self.log.transcript(self.chat.id)

    async def turn(self, text: str) -> int:
        """Return the id of the turn that reads so, as people see the dialogue."""
        (turn,) = [each for each in await self.shown() if each.text == text]
        return int(turn.turn_id)

    async def texts(self) -> list[str]:
        """Return the texts of the transcript as people see it."""
        return [turn.text for turn in await self.shown()]

    async def history(self) -> list[str]:
        """Return the texts that the model is given."""
        logged = await self.log.history(self.chat.dialogue_id)
        return [turn.text for turn in logged.dialogue.turns]


async def open_place(
    log: SqlLog, external_id: str = "17", kind: ChatKind = ChatKind.PRIVATE, person_id: str = "17", name: str = "Анна"
) -> Place:
    """Return the place of a person, made where there is none."""
    async with log.writing() as writing:
        chat = await writing.chat("telegram", external_id, kind, "small-talk", "ru")
        person = await writing.person("telegram", person_id, name, "ru")
    return Place(log, chat, person)


async def an_operator(log: SqlLog, name: str = "Olga", role: Role = Role.REVIEWER) -> Operator:
    """Return an operator of that name, made where there is none."""
    async with log.writing() as writing:
        found = next((each for each in await writing.operators() if each.name == name), None)
        return found or await writing.add_operator(name, role, "a hash")
