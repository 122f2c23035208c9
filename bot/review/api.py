"""The review's API: what the pages do, and what other tools can do with a token."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse

from bot.review.access import Access, Caller
from bot.review.bodies import MeasuredRoute
from bot.review.live import BEAT_S, Listener, Watch, told
from bot.review.reviews import Reviews
from bot.review.wishes import (
    BulkChange,
    DialogueChange,
    DialogueId,
    Done,
    InboxWish,
    MessageWish,
    NoteWish,
    Since,
    TurnChange,
    TurnId,
    UndoWish,
)
from bot.web.json_answers import json_response
from storage.log.review.overview import Overview
from storage.operators import Role
from storage.reviewed import InboxPage, ReviewedDialogue

PREFIX = "/review/api"
REFUSALS: dict[int | str, dict[str, Any]] = {
    400: {"description": "The body cannot be read."},
    401: {"description": "Nobody is logged in."},
    403: {"description": "Not allowed: another site's page, no CSRF token, or too small a role."},
    404: {"description": "There is no such thing, or not any more."},
    409: {"description": "It cannot be so; mostly somebody else was faster."},
    413: {"description": "The body is too large."},
    422: {"description": "Not understood."},
    429: {"description": "Too many attempts, or too many open pages."},
    503: {"description": "The database or Redis is out of reach."},
}
"""How requests are refused, for the documentation of every route."""


def api_router(reviews: Reviews, access: Access, watch: Watch, beat_s: float = BEAT_S) -> APIRouter:
    """Return the routes under `/review/api`; what a change has changed is told by the stream of events."""
    router = APIRouter(prefix=PREFIX, tags=["review"], responses=REFUSALS, route_class=MeasuredRoute)
    reviewer = access.of(Role.REVIEWER)
    lead = access.of(Role.LEAD)

    @router.get("/dialogues", response_model=InboxPage, summary="Find dialogues")
    async def dialogues(wish: Annotated[InboxWish, Query()], caller: Caller = Depends(reviewer)) -> Response:
        return json_response(asdict(await reviews.inbox(wish, caller.operator)))

    @router.get("/dialogues/{dialogue_id}", response_model=ReviewedDialogue, summary="Read a dialogue")
    async def dialogue(dialogue_id: DialogueId, caller: Caller = Depends(reviewer)) -> Response:
        return json_response(asdict(await reviews.dialogue(dialogue_id)))

    @router.get("/dialogues/{dialogue_id}/turns/{turn_id}/draws", summary="See how a turn of the model came about")
    async def draws(dialogue_id: DialogueId, turn_id: TurnId, caller: Caller = Depends(reviewer)) -> Response:
        return json_response([asdict(each) for each in await reviews.draws(dialogue_id, turn_id)])

    @router.get("/next", summary="Find the next dialogue to review")
    async def next_dialogue(
        how: Annotated[
            str, Query(pattern="^(newest|random|unlikeliest|retried|disliked|failed|human|claimed)$")
        ] = "newest",
        besides: Annotated[str, Query(pattern="^[0-9a-f]{0,32}$")] = "",
        caller: Caller = Depends(reviewer),
    ) -> Response:
        return json_response({"dialogue": await reviews.next_to_review(how, besides)})

    @router.patch("/dialogues/{dialogue_id}", response_model=Done, summary="Change a dialogue")
    async def change(dialogue_id: DialogueId, wish: DialogueChange, caller: Caller = Depends(reviewer)) -> Response:
        return _done(await reviews.change_dialogues(caller.operator, [dialogue_id], wish))

    @router.patch("/dialogues/{dialogue_id}/turns/{turn_id}", response_model=Done, summary="Judge or correct a turn")
    async def judge(
        dialogue_id: DialogueId, turn_id: TurnId, wish: TurnChange, caller: Caller = Depends(reviewer)
    ) -> Response:
        return _done(await reviews.change(caller.operator, wish.changes(dialogue_id, turn_id)))

    @router.post("/dialogues/{dialogue_id}/notes", response_model=Done, summary="Leave a note")
    async def note(dialogue_id: DialogueId, wish: NoteWish, caller: Caller = Depends(reviewer)) -> Response:
        return _done(await reviews.add_note(caller.operator, dialogue_id, wish.text))

    @router.post("/bulk", response_model=Done, summary="Change many dialogues at once (leads)")
    async def bulk(wish: BulkChange, caller: Caller = Depends(lead)) -> Response:
        return _done(await reviews.change_dialogues(caller.operator, wish.dialogues, wish.change))

    @router.post("/undo", status_code=204, summary="Take a change back")
    async def undo(wish: UndoWish, caller: Caller = Depends(reviewer)) -> None:
        await reviews.undo(caller.operator, wish.undo)

    @router.post("/dialogues/{dialogue_id}/claim", status_code=204, summary="Take a dialogue over from the bot")
    async def claim(dialogue_id: DialogueId, caller: Caller = Depends(reviewer)) -> None:
        await reviews.claim(caller.operator, dialogue_id)

    @router.post("/dialogues/{dialogue_id}/release", status_code=204, summary="Give a dialogue back to the bot")
    async def release(dialogue_id: DialogueId, caller: Caller = Depends(reviewer)) -> None:
        await reviews.release(caller.operator, dialogue_id)

    @router.post("/dialogues/{dialogue_id}/messages", status_code=204, summary="Write in the bot's place")
    async def say(dialogue_id: DialogueId, wish: MessageWish, caller: Caller = Depends(reviewer)) -> None:
        await reviews.say(caller.operator, dialogue_id, wish.text, wish.draft)

    @router.post("/dialogues/{dialogue_id}/proposal", status_code=202, summary="Have the model propose an answer")
    async def propose(dialogue_id: DialogueId, caller: Caller = Depends(reviewer)) -> None:
        await reviews.propose(caller.operator, dialogue_id)

    @router.get("/overview", response_model=Overview, summary="Figures of a span of time, by default of today")
    async def overview(since: Since = None, until: Since = None, caller: Caller = Depends(reviewer)) -> Response:
        return json_response(asdict(await reviews.overview(since, until)))

    async def listening(
        dialogue: Annotated[str, Query(pattern="^[0-9a-f]{0,32}$")] = "", caller: Caller = Depends(reviewer)
    ) -> AsyncIterator[Listener]:
        with watch.listening(dialogue) as listener:
            yield listener

    @router.get("/events", summary="What changes, as server-sent events")
    async def events(request: Request, listener: Listener = Depends(listening)) -> Response:
        async def is_welcome() -> bool:
            return await access.caller(request) is not None

        hide = await reviews.hiding(listener.dialogue_id)
        return StreamingResponse(
            told(listener, is_welcome, hide, beat_s),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    return router


def _done(undo: str) -> Response:
    return json_response({"undo": undo})
