"""Hand-written stand-ins for the ports; each says in its name how it behaves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from dialogue.errors import ModelRefused, StaleJob
from dialogue.forms import SeedKind
from dialogue.ports import Interruption, Job, Publish
from dialogue.seeds import Seed, Seeds, Tags
from dialogue.turns import (
    Ask,
    Completion,
    Dialogue,
    Message,
    Outcome,
    Prompt,
    Reply,
    Sampling,
    Speaker,
    StopReason,
)

SEED = Seed(
    name="plain-en",
    language="en",
    title="Plain",
    description="Says what the test wants.",
    kind=SeedKind.DIALOGUE,
    tags=Tags(),
    text="A chat.",
    greeting="",
    sampling=Sampling(max_new_tokens=20),
    max_message_chars=200,
    version="0123456789abcdef",
)
GREETING_SEED = replace(SEED, name="greeting-en", greeting="Hello! What happened?")
SEEDS = Seeds([SEED, GREETING_SEED])


@dataclass
class ScriptedEngine:
    """Says its lines one after the other; a line that is an error is raised.

    Args:
        lines: raw texts as a model would write them.
        gate: if given, each generation waits for it after its first word.
    """

    lines: list[str | Exception]
    gate: asyncio.Event | None = None
    stop: StopReason = StopReason.TAG
    context_tokens: int = 1000
    slots: int = 4
    model: str = "scripted"
    revision: str = "1"
    prompts: list[Prompt] = field(default_factory=list)
    at_work: int = 0
    adapters: dict[str, Path] = field(default_factory=dict)

    def count_tokens(self, text: str) -> int:
        return len(text.split())

    async def generate(self, prompt: Prompt, publish: Publish) -> Completion:
        self.prompts.append(prompt)
        line = self.lines.pop(0)
        self.at_work += 1
        try:
            await asyncio.sleep(0)
            if isinstance(line, Exception):
                raise line
            publish(line.split(" ")[0])
            if self.gate is not None:
                await self.gate.wait()
            publish(line)
        finally:
            self.at_work -= 1
        tokens = self.count_tokens(prompt.text)
        return Completion(line, self.stop, tokens, 0, self.count_tokens(line), 1e-5, 2e-5)

    async def add_adapter(self, name: str, folder: Path) -> None:
        if name in self.adapters:
            raise ModelRefused(f"there is an adapter {name!r} already")
        self.adapters[name] = folder


@dataclass
class MemoryJobs:
    """The `Jobs` port in memory: one worker, nobody dies."""

    waiting: list[Job] = field(default_factory=list)
    finished: list[tuple[Job, Reply]] = field(default_factory=list)
    handed_back: list[Job] = field(default_factory=list)
    drafts: list[str] = field(default_factory=list)
    interrupted: asyncio.Queue[Interruption] = field(default_factory=asyncio.Queue)
    epochs: dict[str, int] = field(default_factory=dict)

    async def claim(self, limit: int, is_idle: bool) -> Sequence[Job]:
        await asyncio.sleep(0)
        if self.waiting and self.waiting[0].tries > 1:
            return [self.waiting.pop(0)] if is_idle else []
        claimed, self.waiting = self.waiting[:limit], self.waiting[limit:]
        return claimed

    async def finish(self, job: Job, recalled: Dialogue, reply: Reply) -> None:
        await asyncio.sleep(0)
        if job.epoch < self.epochs.get(job.dialogue_id, 0):
            raise StaleJob("interrupted")
        self.finished.append((job, reply))

    async def hand_back(self, job: Job) -> None:
        await asyncio.sleep(0)
        self.handed_back.append(job)

    async def interruptions(self) -> AsyncIterator[Interruption]:
        while True:
            yield await self.interrupted.get()

    def publish_draft(self, job: Job, text: str) -> None:
        self.drafts.append(text)

    def interrupt(self, dialogue_id: str, epoch: int) -> None:
        self.epochs[dialogue_id] = epoch
        self.interrupted.put_nowait(Interruption(dialogue_id, epoch))

    async def until_finished(self, count: int) -> None:
        while len(self.finished) < count:
            await asyncio.sleep(0)


@dataclass
class MemoryHistory:
    """The `History` port in memory."""

    dialogue: Dialogue = field(default_factory=Dialogue)

    async def recall(self, job: Job) -> Dialogue:
        await asyncio.sleep(0)
        return self.dialogue


def a_job(*texts: str, ask: Ask = Ask.SAY, dialogue_id: str = "1", tries: int = 1) -> Job:
    """Return a claimed job that says these texts."""
    messages = tuple(Message(text, ask) for text in texts) or (Message("", ask),)
    return Job(
        dialogue_id=dialogue_id,
        channel="test",
        seed=SEED.name,
        settings={},
        messages=messages,
        message_ids=tuple(f"{dialogue_id}-{index}" for index in range(len(messages))),
        after="",
        age_s=0.0,
        tries=tries,
        attempt=1,
        epoch=0,
        ticket="1-1",
    )


def answered(text: str, ask: Ask = Ask.SAY) -> Reply:
    """Return a reply without the generations behind it."""
    return Reply(Outcome.ANSWERED, ask, text, text)


def said(*texts: str) -> Dialogue:
    """Return a dialogue in which the person and the bot take turns, the person first."""
    dialogue = Dialogue()
    for index, text in enumerate(texts):
        dialogue = dialogue.then(Speaker.BOT if index % 2 else Speaker.PERSON, text)
    return dialogue


def counting_draws() -> Callable[[], int]:
    """Return a generator of draws that counts from one."""
    draws = iter(range(1, 1_000_000))
    return lambda: next(draws)
