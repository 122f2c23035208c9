"""The chat's API: what the page reads, what it asks for, and the stream of what happens meanwhile."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import StreamingResponse

from bot.conversation import Session, Visit
from bot.metrics import MESSAGES
from bot.web.chats import Visitor, WebChats, enter
from bot.web.delivery import CHANNEL
from bot.web.events import Changed, Closed, Page, Pages, Written
from bot.web.exchange import event, json_object, only_from_here, string_in
from bot.web.json_answers import json_response
from bot.web.language import preferred_language
from bot.web.refusals import Refusal
from bot.web.visitors import Visitors
from dialogue.errors import SettingsError, StorageUnavailable

# Proxies cut a connection that is silent for a minute; the page takes it for dead after two beats missed.
BEAT_S = 15.0

# How long a browser waits before it connects again after the stream has ended.
_RECONNECT_MS = 1500


def chat_router(chats: WebChats, pages: Pages, visitors: Visitors, beat_s: float = BEAT_S) -> APIRouter:
    """Return the routes under `/api`. What a POST has changed is told by the stream of events: it answers 204."""
    router = APIRouter(prefix="/api", dependencies=[Depends(only_from_here)])

    async def known(request: Request) -> Visitor:
        visitor = visitors.known(request)
        if visitor is None:
            raise Refusal(401, "no_visitor")
        return Visitor(visitor, preferred_language(request))

    async def opened(visitor: Visitor = Depends(known)) -> AsyncIterator[Page]:
        with pages.open(visitor.id) as page:
            yield page

    @router.get("/seeds")
    async def seeds() -> Response:
        return json_response(chats.seeds())

    @router.get("/chat")
    async def chat(request: Request) -> Response:
        # A newcomer gets the cookie here and not with the page: a link on another site leads to the page without its
        # cookie (SameSite=Strict), and would make a newcomer of everybody.
        known_as = visitors.known(request)
        visitor = Visitor(known_as or visitors.new(), preferred_language(request))
        if known_as is None:
            async with chats.visit(visitor) as (session, visit):
                await session.start_anew(visit)
        response = json_response(await chats.read(visitor))
        visitors.remember(visitor.id, request, response)
        return response

    @router.get("/events")
    async def events(visitor: Visitor = Depends(known), page: Page = Depends(opened)) -> Response:
        return StreamingResponse(
            _told(chats, visitor, page, beat_s),
            media_type="text/event-stream",
            # nginx would keep the events back until it has a page full of them.
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    @router.post("/messages", status_code=204)
    async def say(visitor: Visitor = Depends(known), body: dict[str, Any] = Depends(json_object)) -> None:
        async with chats.visit(visitor) as (session, visit):
            await session.say(visit, string_in(body, "text"))
        MESSAGES.labels(CHANNEL).inc()

    @router.post("/new", status_code=204)
    async def new(visitor: Visitor = Depends(known), body: dict[str, Any] = Depends(json_object)) -> None:
        async with chats.visit(visitor) as (session, visit):
            await session.start_anew(visit, string_in(body, "seed", default="") or None)

    @router.get("/settings")
    async def settings(visitor: Visitor = Depends(known)) -> Response:
        return json_response(await chats.settings(visitor))

    @router.post("/settings", status_code=204)
    async def choose(visitor: Visitor = Depends(known), body: dict[str, Any] = Depends(json_object)) -> None:
        async with chats.visit(visitor) as (session, visit):
            try:
                await session.change_setting(visit, string_in(body, "name"), string_in(body, "value"))
            except SettingsError as error:
                raise Refusal(422, "not_understood") from error

    @router.get("/mydata")
    async def my_data(visitor: Visitor = Depends(known)) -> Response:
        response = json_response(await chats.everything_about(visitor))
        response.headers["Content-Disposition"] = 'attachment; filename="mydata.json"'
        return response

    @router.post("/forget", status_code=204, dependencies=[Depends(json_object)])
    async def forget(visitor: Visitor = Depends(known)) -> None:
        async with chats.visit(visitor) as (session, visit):
            await session.forget(visit)
            await session.start_anew(await enter(session, visitor))

    def on_request(path: str, act: Callable[[Session, Visit], Awaitable[object]]) -> None:
        async def do(visitor: Visitor = Depends(known)) -> None:
            async with chats.visit(visitor) as (session, visit):
                await act(session, visit)

        router.post(path, status_code=204, dependencies=[Depends(json_object)])(do)

    on_request("/retry", Session.retry)
    on_request("/continue", Session.go_on)
    on_request("/undo", Session.undo)
    on_request("/cancel", Session.cancel)
    on_request("/human", Session.call_operator)
    return router


async def _told(chats: WebChats, visitor: Visitor, page: Page, beat_s: float) -> AsyncIterator[str]:
    yield f"retry: {_RECONNECT_MS}\n\n"
    while True:
        match await page.news(beat_s):
            case Changed(failure):
                try:
                    chat = await chats.read(visitor, page)
                except StorageUnavailable:
                    return  # The browser connects again until there is something to tell.
                yield event("chat", {**chat, "failure": failure})
            case Written(text):
                yield event("draft", text)
            case Closed():
                return
            case None:
                yield event("beat", None)
