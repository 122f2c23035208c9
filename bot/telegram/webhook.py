"""The webhook: an update is in SQL before Telegram hears that it arrived."""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
from collections.abc import Callable
from contextlib import suppress

from fastapi import APIRouter, Request, Response
from starlette.requests import ClientDisconnect

from bot.telegram.updates import WEBHOOK_PATH
from dialogue.errors import SettingsError, StorageUnavailable
from storage.log.sql_log import SqlLog

logger = logging.getLogger(__name__)

MAX_BODY_BYTES = 1024 * 1024
# Telegram repeats what was not taken, so it is better to refuse soon than to keep its connection waiting.
STORE_TIMEOUT_S = 0.8

# An update id is an integer that SQL can hold.
_MAX_UPDATE_ID = 2**63 - 1


def webhook_router(
    log: SqlLog,
    bot_id: int,
    secret: str,
    arrived: Callable[[], None] = lambda: None,
    store_timeout_s: float = STORE_TIMEOUT_S,
) -> APIRouter:
    """Return the router that takes Telegram's pushes.

    Args:
        secret: what Telegram was told to send in `X-Telegram-Bot-Api-Secret-Token`.
        arrived: called after an update was stored.

    Raises:
        SettingsError: there is no secret.
    """
    if not secret:
        raise SettingsError("GOVORUN_WEBHOOK_SECRET is empty: without it anybody could push updates")
    router = APIRouter()

    @router.post(WEBHOOK_PATH, include_in_schema=False)
    async def webhook(request: Request) -> Response:
        """Answer 200 once the update is kept; no body, no text of the update in any log."""
        if not _is_authentic(request, secret):
            return Response(status_code=403)
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            return Response(status_code=415)
        body = await _bounded_body(request)
        if body is None:
            return Response(status_code=413)
        update = _update(body)
        if update is None:
            return Response(status_code=400)
        failure = await _failure(asyncio.create_task(_store(log, bot_id, update)), store_timeout_s)
        if failure:
            logger.warning("update %d is left to Telegram to repeat: %s", update[0], failure)
            return Response(status_code=503)
        arrived()
        return Response(status_code=200)

    return router


async def _store(log: SqlLog, bot_id: int, update: tuple[int, str]) -> str:
    """Keep the update; return why it is not kept, empty where it is."""
    try:
        async with log.writing() as writing:
            await writing.store_updates(bot_id, [update])
    except StorageUnavailable as error:
        return str(error)
    return ""


async def _failure(storing: asyncio.Task[str], timeout_s: float) -> str:
    """Return why an update is not kept; empty where it is."""
    done, _ = await asyncio.wait([storing], timeout=timeout_s)
    if done:
        return storing.result()
    # Its end is not waited for: a database that another process has locked does not let go of it so soon. It keeps
    # itself alive until then, and if the update is kept after all, Telegram's repetition is recognised.
    storing.cancel()
    return "SQL is too slow"


def _is_authentic(request: Request, secret: str) -> bool:
    shown = request.headers.get("x-telegram-bot-api-secret-token", "")
    return hmac.compare_digest(shown.encode(), secret.encode())


async def _bounded_body(request: Request) -> bytes | None:
    """Return the body, or None where it is too long: by its own word, or as it turns out while reading."""
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > MAX_BODY_BYTES:
        return None
    body = bytearray()
    # Who hangs up in the middle sends again; the half of it is no update.
    with suppress(ClientDisconnect):
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY_BYTES:
                return None
    return bytes(body)


def _update(body: bytes) -> tuple[int, str] | None:
    """Return the update's id and the whole of it as JSON; None where it is no update."""
    try:
        update = json.loads(body)
        # ASCII: half a surrogate pair is legal in JSON, but not in UTF-8.
        text = json.dumps(update)
    # A few kilobytes of "[" are enough to exhaust the parser's stack.
    except (ValueError, RecursionError):
        return None
    update_id = update.get("update_id") if isinstance(update, dict) else None
    if not isinstance(update_id, int) or isinstance(update_id, bool) or not 0 <= update_id <= _MAX_UPDATE_ID:
        return None
    return update_id, text
