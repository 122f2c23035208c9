"""Trying a seed out: messages answered by the model in this process, without Redis, log or people."""

from __future__ import annotations

import asyncio
import json
import secrets
import sys
from collections.abc import AsyncIterator, Callable

import typer

from bot.settings import Settings
from bot.texts import text as sentence
from dialogue.casting import SeedCasting, Wardrobe
from dialogue.engine.opening import open_engine
from dialogue.engine.wardrobe import EngineWardrobe, own_adapters
from dialogue.kinds.choosing import kind_of
from dialogue.ports import Engine, Job
from dialogue.replying import Replier
from dialogue.seeds import Seed, Seeds
from dialogue.turns import Dialogue, Message, Outcome, Reply, Speaker


async def try_out(
    settings: Settings,
    seed: Seed,
    text: str | None,
    show_prompt: bool,
    as_json: bool,
    progress: Callable[[str, float], None],
) -> bool:
    """Answer a message, or each line of the input; say whether every one was answered."""
    is_answered = True
    async with open_engine(settings.engine, progress) as engine:
        wardrobe = EngineWardrobe(engine, own_adapters() if settings.seed_adapters else None)
        trial = Trial(engine, seed, wardrobe=wardrobe)
        async for words in _one(text) if text is not None else _lines(seed.greeting):
            if show_prompt:
                typer.echo(trial.prompt(words), err=True)
            reply = await trial.say(words)
            is_answered = is_answered and reply.outcome is Outcome.ANSWERED
            if reply.text or as_json:
                typer.echo(as_object(reply) if as_json else reply.text)
            else:
                typer.echo(sentence(f"outcome_{reply.outcome.value}", seed.language), err=True)
    return is_answered


class Trial:
    """A conversation that nobody keeps.

    Args:
        draw: gives the random seed of each draw.
        wardrobe: gives the engine the seed's own adapter; None for the model as it is.
        said: what was said so far.
    """

    def __init__(
        self,
        engine: Engine,
        seed: Seed,
        draw: Callable[[], int] = lambda: secrets.randbits(31),
        wardrobe: Wardrobe | None = None,
    ) -> None:
        self._seed = seed
        self._replier = Replier(engine, SeedCasting(Seeds([seed]), seed.name, wardrobe), draw)
        self.said = Dialogue().then(Speaker.BOT, seed.greeting) if seed.greeting else Dialogue()

    def prompt(self, words: str) -> str:
        """Return what the model will be given, if all that was said fits."""
        return kind_of(self._seed).render(self._seed, self.said.then(Speaker.PERSON, words))

    async def say(self, words: str) -> Reply:
        """Answer the next message."""
        reply = await self._replier.reply(_job(self._seed, words), self.said, lambda text: None)
        self.said = self.said.then(Speaker.PERSON, words)
        if reply.outcome is Outcome.ANSWERED:
            self.said = self.said.then(Speaker.BOT, reply.turn_text)
        return reply


def as_object(reply: Reply) -> str:
    """Return an answer as JSON on one line; `result` is null where the seed's kind has only words."""
    answer = {"outcome": reply.outcome.value, "text": reply.text, "result": reply.result}
    return json.dumps(answer, ensure_ascii=False)


def _job(seed: Seed, words: str) -> Job:
    return Job(
        dialogue_id="trial",
        channel="trial",
        seed=seed.name,
        settings={},
        messages=(Message(words),),
        message_ids=("trial",),
        after="",
        age_s=0.0,
        tries=1,
        attempt=1,
        epoch=0,
        ticket="",
    )


async def _one(text: str) -> AsyncIterator[str]:
    yield text


async def _lines(greeting: str) -> AsyncIterator[str]:
    """Yield the lines of the input until it ends."""
    typer.echo(greeting, err=True)
    while True:
        if sys.stdin.isatty():
            typer.echo("> ", nl=False, err=True)
        line = await asyncio.to_thread(sys.stdin.readline)
        if not line:
            return
        if line.strip():
            yield line.strip()
