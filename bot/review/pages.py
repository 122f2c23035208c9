"""The pages of the review, rendered on the server; their scripts act through the API."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import RedirectResponse

from bot.review.access import Access, Caller
from bot.review.charts import overview_charts
from bot.review.rendering import Rendering
from bot.review.reviews import Reviews
from bot.review.wishes import DialogueId, InboxWish
from bot.review.workshop import Workshop
from bot.review.workshop_api import SeedName
from storage.log.sql_log import SqlLog
from storage.operators import Role

_DAY_S = 24 * 3600.0


def pages_router(reviews: Reviews, workshop: Workshop, log: SqlLog, access: Access, rendering: Rendering) -> APIRouter:
    """Return the pages."""
    router = APIRouter(prefix="/review", include_in_schema=False)
    reviewer = access.page_of(Role.REVIEWER)

    @router.get("")
    async def inbox(
        request: Request, wish: Annotated[InboxWish, Query()], caller: Caller = Depends(reviewer)
    ) -> Response:
        page = await reviews.inbox(wish, caller.operator)
        async with log.reviewing() as reading:
            counts, facets = await reading.counts(), await reading.facets()
        return rendering.page(request, "inbox.html", caller=caller, wish=wish, page=page, counts=counts, facets=facets)

    @router.get("/next")
    async def next_dialogue(
        request: Request,
        how: Annotated[
            str, Query(pattern="^(newest|random|unlikeliest|retried|disliked|failed|human|claimed)$")
        ] = "newest",
        besides: Annotated[str, Query(pattern="^[0-9a-f]{0,32}$")] = "",
        caller: Caller = Depends(reviewer),
    ) -> Response:
        found = await reviews.next_to_review(how, besides)
        if found is None:
            return rendering.page(request, "done.html", caller=caller, how=how)
        return RedirectResponse(f"/review/dialogues/{found}?how={how}", 303)

    @router.get("/dialogues/{dialogue_id}")
    async def dialogue(
        request: Request,
        dialogue_id: DialogueId,
        how: Annotated[str, Query(pattern="^[a-z]{0,20}$")] = "newest",
        caller: Caller = Depends(reviewer),
    ) -> Response:
        found = await reviews.dialogue(dialogue_id)
        async with log.reviewing() as reading:
            facets = await reading.facets()
        return rendering.page(
            request, "dialogue.html", caller=caller, dialogue=found, row=found.row, facets=facets, how=how
        )

    @router.get("/overview")
    async def overview(
        request: Request,
        days: Annotated[int, Query(ge=1, le=366)] = 1,
        caller: Caller = Depends(reviewer),
    ) -> Response:
        today = await reviews.overview(None, None)
        figures = today
        if days > 1:
            figures = await reviews.overview(today.until - days * _DAY_S, today.until)
        return rendering.page(
            request, "overview.html", caller=caller, figures=figures, days=days, charts=overview_charts(figures, days)
        )

    @router.get("/seeds")
    async def seeds(request: Request, caller: Caller = Depends(reviewer)) -> Response:
        return rendering.page(request, "seeds.html", caller=caller, states=await workshop.seeds())

    @router.get("/seeds/{name}.toml")
    async def seed_file(name: SeedName, caller: Caller = Depends(reviewer)) -> Response:
        bench = await workshop.bench(name)
        disposition = f'attachment; filename="{name}.toml"'
        headers = {"Content-Disposition": disposition, "Cache-Control": "no-store"}
        return Response(bench.state.seed.content, media_type="application/toml", headers=headers)

    @router.get("/seeds/{name}")
    async def seed(request: Request, name: SeedName, caller: Caller = Depends(reviewer)) -> Response:
        return rendering.page(request, "seed.html", caller=caller, bench=await workshop.bench(name))

    @router.get("/account")
    async def account(request: Request, caller: Caller = Depends(reviewer)) -> Response:
        async with log.reviewing() as reading:
            values: dict[str, Any] = {
                "sessions": await reading.sessions_of(caller.operator.id),
                "tokens": await reading.tokens_of(caller.operator.id),
                "operators": await reading.operators() if caller.operator.role.includes(Role.ADMIN) else [],
            }
        return rendering.page(request, "account.html", caller=caller, **values)

    @router.get("/audit")
    async def audit(
        request: Request,
        before: Annotated[int | None, Query(ge=0, le=2**63 - 1)] = None,
        caller: Caller = Depends(access.page_of(Role.LEAD)),
    ) -> Response:
        async with log.reviewing() as reading:
            deeds = await reading.deeds(before)
        return rendering.page(request, "audit.html", caller=caller, deeds=deeds)

    return router
