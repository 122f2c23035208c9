"""An operator's own account through the API: password, sessions, tokens; and for leads what everybody did."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import BaseModel

from bot.review.access import Access, Caller
from bot.review.api import PREFIX, REFUSALS
from bot.review.bodies import MeasuredRoute
from bot.review.entrance import Throttle
from bot.review.masking import Masking
from bot.review.passwords import Passwords
from bot.review.wishes import PasswordWish, TokenWish
from bot.web.json_answers import json_response
from bot.web.refusals import Refusal
from storage.log.sql_log import SqlLog
from storage.operators import Role
from storage.reviewed import Deed

_LARGEST_ID = 2**63 - 1
_TRIES = 5
TokenId = Annotated[int, Path(ge=0, le=_LARGEST_ID)]


class NewToken(BaseModel):
    """A token, shown this once."""

    id: int
    token: str


def accounts_router(
    log: SqlLog, access: Access, passwords: Passwords, throttle: Throttle, masking: Masking
) -> APIRouter:
    """Return the routes of accounts."""
    router = APIRouter(prefix=PREFIX, tags=["accounts"], responses=REFUSALS, route_class=MeasuredRoute)
    reviewer = access.of(Role.REVIEWER)

    @router.get("/me", summary="See who one is")
    async def me(caller: Caller = Depends(reviewer)) -> Response:
        return json_response({"name": caller.operator.name, "role": caller.operator.role.value})

    @router.get("/operators", summary="List the operators")
    async def operators(caller: Caller = Depends(reviewer)) -> Response:
        async with log.reviewing() as reading:
            found = await reading.operators()
        return json_response([{"name": each.name, "role": each.role, "is_active": each.is_active} for each in found])

    @router.post("/password", status_code=204, summary="Change one's password; ends all sessions and tokens")
    async def password(wish: PasswordWish, caller: Caller = Depends(reviewer)) -> None:
        # Whoever sits at a browser that is logged in must not find the password out there.
        tries = f"password of {caller.operator.id}"
        if await throttle.note_try(tries) > _TRIES:
            raise Refusal(429, "too_many_tries")
        async with log.reviewing() as reading:
            found = await reading.password_of(caller.operator.name)
        if not await passwords.is_right(wish.current, found and found[1]):
            raise Refusal(403, "wrong_login")
        await throttle.clear(tries)
        new = await passwords.hashed(wish.new)
        async with log.writing() as writing:
            await writing.set_password(caller.operator.name, new)
            await writing.note_action(caller.operator, "password")

    @router.delete("/sessions/{session_id}", status_code=204, summary="Log one of one's browsers out")
    async def end_session(
        session_id: Annotated[str, Path(pattern="^[0-9a-f]{64}$")], caller: Caller = Depends(reviewer)
    ) -> None:
        async with log.writing() as writing:
            if not await writing.end_session(session_id, caller.operator.id):
                raise Refusal(404, "not_found")

    @router.post("/tokens", status_code=201, response_model=NewToken, summary="Make a token for a program")
    async def make_token(wish: TokenWish, caller: Caller = Depends(reviewer)) -> Response:
        async with log.writing() as writing:
            secret, token = await writing.make_token(caller.operator, wish.name)
            await writing.note_action(caller.operator, "token")
        return json_response({"id": token.id, "token": secret}, 201)

    @router.delete("/tokens/{token_id}", status_code=204, summary="Make a token worthless")
    async def end_token(token_id: TokenId, caller: Caller = Depends(reviewer)) -> None:
        async with log.writing() as writing:
            if not await writing.end_token(token_id, caller.operator.id):
                raise Refusal(404, "not_found")

    @router.get("/audit", response_model=list[Deed], summary="See who did what, the newest first (leads)")
    async def audit(
        before: Annotated[int | None, Query(ge=0, le=_LARGEST_ID)] = None,
        caller: Caller = Depends(access.of(Role.LEAD)),
    ) -> Response:
        async with log.reviewing() as reading:
            deeds: list[Any] = [asdict(masking.deed(each)) for each in await reading.deeds(before)]
        return json_response(deeds)

    return router
