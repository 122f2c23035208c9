"""The API of the seed workshop: drafts that can be tried, and versions that are put to work."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response
from pydantic import BaseModel, Field

from bot.review.access import Access, Caller
from bot.review.api import PREFIX, REFUSALS
from bot.review.bodies import MeasuredRoute
from bot.review.wishes import DraftWish, VersionWish
from bot.review.workshop import Workshop
from bot.web.json_answers import json_response
from dialogue.seeds import Seed
from storage.operators import Role
from storage.seed_versions import trial_name

SeedName = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$", description="A seed.")]


class Kept(BaseModel):
    """A version that is kept."""

    name: str = Field(description="Asks exactly this version, as `seed` of POST /ask and of POST /measure.")
    version: str


def workshop_router(workshop: Workshop, access: Access) -> APIRouter:
    """Return the routes that change seeds."""
    router = APIRouter(prefix=PREFIX, tags=["seeds"], responses=REFUSALS, route_class=MeasuredRoute)

    @router.post("/seeds/{name}/drafts", response_model=Kept, summary="Keep a draft of a seed for a day, to try it")
    async def keep(name: SeedName, wish: DraftWish, caller: Caller = Depends(access.of(Role.REVIEWER))) -> Response:
        return _kept(await workshop.keep_draft(name, wish.content))

    @router.put("/seeds/{name}", response_model=Kept, summary="Put a version of a seed to work (leads)")
    async def put(name: SeedName, wish: VersionWish, caller: Caller = Depends(access.of(Role.LEAD))) -> Response:
        return _kept(await workshop.put_to_work(caller.operator, name, wish.content, wish.note, wish.follows))

    return router


def _kept(seed: Seed) -> Response:
    return json_response({"name": trial_name(seed), "version": seed.version})
