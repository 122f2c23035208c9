"""The login: throttled, and the same for names that exist and names that do not."""

from __future__ import annotations

import logging
from typing import Protocol
from urllib.parse import parse_qs, unquote

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse

from bot.review.access import Access, Caller, drop_cookie, set_cookie
from bot.review.passwords import Passwords
from bot.review.rendering import Rendering
from bot.web.refusals import Refusal
from bot.web.security import is_from_here
from storage.log.sql_log import SqlLog
from storage.operators import Operator, Role

logger = logging.getLogger(__name__)

# In five minutes, by name and address, by address, and by name: a guesser has many addresses, a company has one.
_LIMITS = {"pair": 5, "address": 30, "name": 50}
_MOST_BYTES = 4096
HOME = "/review"


class Throttle(Protocol):
    """Tries of the last minutes (`storage.live.throttle.RedisThrottle`)."""

    async def note_try(self, name: str) -> int:
        """Count one more; return how many there were lately, this one included."""

    async def take_back(self, name: str) -> None:
        """Count one less: it did not fail."""

    async def clear(self, name: str) -> None:
        """Forget them."""


def entrance_router(
    log: SqlLog, access: Access, passwords: Passwords, throttle: Throttle, rendering: Rendering
) -> APIRouter:
    """Return the routes of login and logout."""
    router = APIRouter(prefix="/review")

    @router.get("/login")
    async def page(request: Request, next: str = HOME) -> Response:
        return rendering.page(request, "login.html", next=_inside(next), name="", trouble="")

    @router.post("/login")
    async def login(request: Request) -> Response:
        if not is_from_here(request):
            raise Refusal(403, "foreign_origin")
        name, password, target = await _form(request)
        counted = _counted(request, name)
        if not await _may_try(throttle, counted):
            return rendering.page(request, "login.html", 429, next=target, name=name, trouble="too_many_tries")
        operator = await _admitted(log, passwords, name, password)
        if operator is None:
            logger.warning("a login failed")
            return rendering.page(request, "login.html", 401, next=target, name=name, trouble="wrong_login")
        await throttle.clear(counted["pair"])
        for kind in ("address", "name"):
            await throttle.take_back(counted[kind])
        before = await access.caller(request)
        async with log.writing() as writing:
            if before is not None and before.session is not None:
                await writing.end_session(before.session.id)
            secret, _ = await writing.open_session(operator, request.headers.get("user-agent", ""))
            await writing.note_action(operator, "login")
        response = RedirectResponse(target, 303)
        set_cookie(response, secret, request)
        return response

    @router.post("/logout")
    async def logout(caller: Caller = Depends(access.of(Role.REVIEWER))) -> Response:
        if caller.session is not None:
            async with log.writing() as writing:
                await writing.end_session(caller.session.id)
        response = Response(status_code=204)
        drop_cookie(response)
        return response

    return router


async def _admitted(log: SqlLog, passwords: Passwords, name: str, password: str) -> Operator | None:
    async with log.reviewing() as reading:
        found = await reading.password_of(name)
    if not await passwords.is_right(password, found and found[1]) or found is None:
        return None
    operator, kept = found
    if passwords.is_outdated(kept):
        newer = await passwords.hashed(password)
        async with log.writing() as writing:
            await writing.rehash_password(operator.name, newer)
    return operator


async def _form(request: Request) -> tuple[str, str, str]:
    """Return name, password and where to go from there."""
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > _MOST_BYTES:
            raise Refusal(413, "body_too_large", limit=_MOST_BYTES // 1024)
    fields = parse_qs(content.decode("utf-8", "replace"), keep_blank_values=True)
    name, password = (fields.get(key, [""])[0] for key in ("name", "password"))
    return name.strip()[:200].replace("\0", ""), password, _inside(fields.get("next", [HOME])[0])


def _inside(target: str) -> str:
    """Return the target if it is a page of the review: nobody is to be led elsewhere from here."""
    path = unquote(target.partition("?")[0].partition("#")[0])
    is_ours = (path + "/").startswith(f"{HOME}/") and target.startswith(HOME)
    # Browsers take a backslash for a slash, drop control characters, and go up at two dots, however they are written.
    is_plain = path.isprintable() and target.isprintable() and not {"..", ""} & set(path.split("/")[1:])
    return target if is_ours and is_plain and "\\" not in path else HOME


def _counted(request: Request, name: str) -> dict[str, str]:
    address = request.client.host if request.client else ""
    return {"pair": f"login {name} {address}", "address": f"login from {address}", "name": f"login of {name}"}


async def _may_try(throttle: Throttle, counted: dict[str, str]) -> bool:
    """Count a try; say whether it may be made. One that may not counts no further: nobody locks others out with it."""
    for kind, name in counted.items():
        if await throttle.note_try(name) > _LIMITS[kind]:
            return False
    return True
