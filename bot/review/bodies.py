"""Requests of the API that are too large, refused before anything of them is kept or understood."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.types import Message

from bot.web.refusals import Refusal

# A correction and a note of 20,000 characters each, in the longest way in which JSON can write them.
MOST_KIB = 512


class MeasuredRoute(APIRoute):
    """A route that takes so much and no more: bodies are read before anybody is asked who they are."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler of requests."""
        handle = super().get_route_handler()

        async def measured(request: Request) -> Response:
            content = bytearray()
            async for chunk in request.stream():
                content += chunk
                if len(content) > MOST_KIB * 1024:
                    raise Refusal(413, "body_too_large", limit=MOST_KIB)

            body: Message | None = {"type": "http.request", "body": bytes(content), "more_body": False}

            async def replay() -> Message:
                nonlocal body
                message, body = body, None
                # Behind the body comes word that the client has gone.
                return message or await request.receive()

            return await handle(Request(request.scope, replay))

        return measured
