"""Who makes a request, and whether they may: every route of the review but the login asks here."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import urlencode

from fastapi import Request, Response

from bot.web.refusals import LedElsewhere, Refusal
from bot.web.security import is_from_here
from storage.log.sql_log import SqlLog
from storage.operators import Operator, Role, Session

LOGIN = "/review/login"
COOKIE = "govorun_operator"
CSRF_HEADER = "x-csrf-token"
_SAFE = ("GET", "HEAD")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who makes a request.

    Args:
        session: the browser session; None for a program with a token.
    """

    operator: Operator
    session: Session | None


Guard = Callable[[Request], Awaitable[Caller]]


class Access:
    """Lets operators in by their session or their token."""

    def __init__(self, log: SqlLog) -> None:
        self._log = log

    def of(self, role: Role) -> Guard:
        """Return the dependency of an API's route: it refuses everybody who has not at least this role."""

        async def guard(request: Request) -> Caller:
            if not is_from_here(request):
                raise Refusal(403, "foreign_origin")
            caller = await self.caller(request)
            if caller is None:
                raise Refusal(401, "login_needed")
            if caller.session is not None and request.method not in _SAFE:
                sent = request.headers.get(CSRF_HEADER, "")
                if not hmac.compare_digest(sent.encode(), caller.session.csrf_token.encode()):
                    raise Refusal(403, "no_csrf_token")
            if not caller.operator.role.includes(role):
                raise Refusal(403, "role_needed", role=role.value)
            return caller

        return guard

    def page_of(self, role: Role) -> Guard:
        """Return the dependency of a page: it leads everybody who is not logged in to the login."""

        async def guard(request: Request) -> Caller:
            # A link on another site may lead here: what is only read cannot be misused by it, nor read by that site.
            is_followed_link = request.headers.get("sec-fetch-mode") == "navigate" and "origin" not in request.headers
            if not is_followed_link and not is_from_here(request):
                raise Refusal(403, "foreign_origin")
            caller = await self.caller(request)
            if caller is None or caller.session is None:
                asked_for = request.url.path + (f"?{request.url.query}" if request.url.query else "")
                raise LedElsewhere(f"{LOGIN}?{urlencode({'next': asked_for})}")
            if not caller.operator.role.includes(role):
                raise Refusal(403, "role_needed", role=role.value)
            return caller

        return guard

    async def caller(self, request: Request) -> Caller | None:
        """Return who makes a request; None for strangers, and for those whose session or token has ended."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return await self._program(token.strip())
        secret = request.cookies.get(COOKIE, "")
        if not secret:
            return None
        async with self._log.reviewing() as reading:
            session = await reading.session(secret)
        if session is None:
            return None
        if reading.is_use_due(session):
            async with self._log.writing() as writing:
                await writing.note_use(session)
        return Caller(session.operator, session)

    async def _program(self, secret: str) -> Caller | None:
        async with self._log.reviewing() as reading:
            found = await reading.operator_with(secret)
        if found is None:
            return None
        operator, token = found
        if reading.is_token_use_due(token):
            async with self._log.writing() as writing:
                await writing.note_token_use(token)
        return Caller(operator, None)


def set_cookie(response: Response, secret: str, request: Request) -> None:
    """Have the browser show the session with each request, and no script read it."""
    response.set_cookie(
        COOKIE, secret, path="/review", secure=request.url.scheme == "https", httponly=True, samesite="lax"
    )


def drop_cookie(response: Response) -> None:
    """Have the browser forget the session."""
    response.delete_cookie(COOKIE, path="/review", httponly=True, samesite="lax")
