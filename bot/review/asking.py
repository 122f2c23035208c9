"""The API for programs that ask: any seed answers aside, with the object that its kind has for programs."""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Coroutine, Sequence
from typing import Any, Protocol

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, Field

from bot.asides import Asides
from bot.conversation import refuse_unfit
from bot.review.access import Access, Caller
from bot.review.api import PREFIX, REFUSALS
from bot.review.bodies import MeasuredRoute
from bot.review.wishes import AskWish
from bot.web.health import WORKER
from bot.web.json_answers import json_response
from bot.web.refusals import Refusal
from dialogue.errors import SeedError
from dialogue.forms import Group, SeedKind
from dialogue.seeds import Seed, Seeds
from dialogue.turns import Ask, Dialogue, Outcome, Reply, Speaker
from storage.operators import Role
from storage.seed_versions import SeedVersions

CHANNEL = "asides"
"""The channel through which the answers come back."""

MAX_AT_ONCE = 4
"""So many are answered at a time for each web process; a vote alone keeps sixteen rows of a model busy."""

# Proxies cut a connection that is silent for a minute.
PATIENCE_S = 50.0

_SPEAKERS = {"person": Speaker.PERSON, "bot": Speaker.BOT}
_REFUSALS = REFUSALS | {
    404: {"description": "There is no such seed; the sentence names the nearest."},
    429: {"description": "So many questions are being answered already."},
    503: {"description": "No model is at work, or the database or Redis is out of reach."},
    504: {"description": "There was no answer in time."},
}


class Workers(Protocol):
    """Who is at work (`storage.live.presence.Presence`)."""

    async def living(self, kind: str) -> Sequence[str]:
        """Return the names of the living processes of a kind."""


class ShownSeed(BaseModel):
    """A seed that can be asked."""

    name: str
    kind: SeedKind
    group: Group = Field(description="What it does for people.")
    language: str
    title: str
    description: str
    example: str = Field(description="A message to try it with; may be empty.")
    max_message_chars: int
    version: str = Field(description="Changes with every change of the seed.")


class Answer(BaseModel):
    """What a seed has answered."""

    outcome: Outcome
    text: str = Field(description="As a person would be shown it; empty unless the outcome is `answered`.")
    result: dict[str, Any] | None = Field(description="The answer for programs; null where the kind has only words.")
    seed: str = Field(description="The seed that has answered: another one where that was promoted in its place.")
    version: str = Field(description="The version of that seed.")


class Measured(BaseModel):
    """What a model would be given, and what that takes of its context."""

    prompt: str
    prompt_tokens: int
    seed_tokens: int = Field(description="What the seed's text takes by itself.")
    reply_tokens: int = Field(description="How long the answer may become.")
    context_tokens: int = Field(description="What the model takes in all.")
    model: str
    warnings: list[str] = Field(description="What is unwise about the seed, as `FILE: KEY: reason`.")


def asking_router(
    seeds: Seeds, versions: SeedVersions, asides: Asides, workers: Workers, access: Access, patience_s: float
) -> APIRouter:
    """Return the routes of seeds, which answer programs as they answer people."""
    router = APIRouter(prefix=PREFIX, tags=["asking"], responses=_REFUSALS, route_class=MeasuredRoute)
    reviewer = access.of(Role.REVIEWER)

    @router.get("/seeds", response_model=list[ShownSeed], summary="See what can be asked")
    async def shown(caller: Caller = Depends(reviewer)) -> Response:
        return json_response([{name: getattr(seed, name) for name in ShownSeed.model_fields} for seed in seeds])

    async def asked(request: Request, wish: AskWish, ask: Ask) -> tuple[Seed, Reply | None]:
        """Have the seed answer or measure; no reply where the client has gone meanwhile."""
        seed = await versions.tried(wish.seed) or named(seeds, wish.seed)
        refuse_unfit(seed, wish.text)
        said = _said(seed, wish)
        if not await workers.living(WORKER):
            raise Refusal(503, "no_worker")
        settings = wish.settings.model_dump(exclude_none=True)
        asking = asides.ask(wish.seed, wish.text, settings, patience_s, said, ask)
        return seed, await _while_there(request, asking)

    @router.post("/ask", response_model=Answer, summary="Have a seed answer; nothing of it is kept")
    async def ask(request: Request, wish: AskWish, caller: Caller = Depends(reviewer)) -> Response:
        seed, reply = await asked(request, wish, Ask.SAY)
        return json_response(_answer(seed, reply)) if reply else Response()

    @router.post("/measure", response_model=Measured, summary="See what the model would be given, and its tokens")
    async def measure(request: Request, wish: AskWish, caller: Caller = Depends(reviewer)) -> Response:
        _, reply = await asked(request, wish, Ask.MEASURE)
        if reply and reply.outcome is not Outcome.ANSWERED:
            raise Refusal(422, "no_room")
        return json_response(reply.result) if reply else Response()

    return router


def named(seeds: Seeds, name: str) -> Seed:
    """Return the seed of this name.

    Raises:
        Refusal: there is none; the sentence names the nearest.
    """
    try:
        return seeds.get(name)
    except SeedError as error:
        raise no_such_seed(seeds, name) from error


def no_such_seed(seeds: Seeds, name: str) -> Refusal:
    """Return the refusal of a name that is none; the sentence names the nearest."""
    (nearest,) = difflib.get_close_matches(name, seeds.names, n=1, cutoff=0.0)
    return Refusal(404, "no_such_seed", nearest=nearest)


def _said(seed: Seed, wish: AskWish) -> Dialogue:
    """Return what was said before: what the wish says, else what the seed says at the beginning."""
    said = Dialogue()
    if wish.turns is None:
        return said.then(Speaker.BOT, seed.greeting) if seed.greeting else said
    if seed.kind is not SeedKind.DIALOGUE:
        raise Refusal(422, "turns_not_taken")
    for turn in wish.turns:
        said = said.then(_SPEAKERS[turn.speaker], turn.text)
    return said


def _answer(seed: Seed, reply: Reply) -> dict[str, Any]:
    written = reply.generations[-1] if reply.generations else None
    return {
        "outcome": reply.outcome.value,
        "text": reply.text,
        "result": reply.result,
        "seed": written.seed if written else seed.name,
        "version": written.seed_hash if written else seed.version,
    }


async def _while_there(request: Request, asking: Coroutine[Any, Any, Reply]) -> Reply | None:
    """Ask for as long as the client is there; None where it has gone, and the question is called off."""
    asked, gone = asyncio.create_task(asking), asyncio.create_task(_gone(request))
    try:
        await asyncio.wait([asked, gone], return_when=asyncio.FIRST_COMPLETED)
        return asked.result() if asked.done() else None
    finally:
        asked.cancel()
        gone.cancel()
        await asyncio.gather(asked, gone, return_exceptions=True)


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
