"""What the API takes and gives: JSON, from and to pages of this server."""

from __future__ import annotations

import json
from typing import Any

from fastapi import Request

from bot.web.refusals import Refusal
from bot.web.security import is_from_here

# Thirty times the longest message that a seed takes by default: nobody who writes to the bot ever meets it.
MAX_BODY_KIB = 64


async def only_from_here(request: Request) -> None:
    """Refuse what pages of other sites ask for."""
    if not is_from_here(request):
        raise Refusal(403, "foreign_origin")


async def json_object(request: Request) -> dict[str, Any]:
    """Return the request's body, a JSON object.

    The content type is insisted on because a form of another site cannot send it.
    """
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != "application/json":
        raise Refusal(415, "not_json")
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > MAX_BODY_KIB * 1024:
            raise Refusal(413, "body_too_large", limit=MAX_BODY_KIB)
    try:
        body = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise Refusal(422, "not_understood") from error
    if not isinstance(body, dict):
        raise Refusal(422, "not_understood")
    return body


def string_in(body: dict[str, Any], name: str, default: str | None = None) -> str:
    """Return a string of the body, any Unicode in it as it was sent."""
    value = body.get(name, default)
    if not isinstance(value, str):
        raise Refusal(422, "not_understood")
    return value


def event(name: str, content: object) -> str:
    """Return a server-sent event."""
    return f"event: {name}\ndata: {json.dumps(content)}\n\n"
