"""The doors of the review: every request that it takes, found in the application, with what may be shown at them."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from httpx import Response

from bot.review.access import COOKIE, CSRF_HEADER
from bot.web.security import HEADERS
from storage.log.tables import metadata
from storage.operators import Role
from tests.bot.review.world import ORIGIN, SUPPORT, World

SAFE = ("GET", "HEAD")
EXEMPT = {("GET", "/review/login"), ("POST", "/review/login")}
ENDLESS = ("GET", "/review/api/events")
Request = tuple[str, str]


@dataclass
class House:
    """The review with something in it: a dialogue, and a reviewer with a session and a token.

    Args:
        secret: what the reviewer's cookie holds.
    """

    world: World
    database: Path
    ids: dict[str, Any]
    secret: str
    csrf_token: str
    token: str

    def requests(self) -> list[Request]:
        """Return all that can be asked of the review, but for the login."""
        found = {
            (method, context.path.format(**self.ids))
            for context in iter_route_contexts(inner(self.world.app).routes)
            if context.path is not None and context.path.startswith("/review")
            for method in context.methods or ()
        }
        return sorted(found - EXEMPT)

    async def ask(self, request: Request, headers: dict[str, str]) -> Response:
        """Make a request with these headers and no others."""
        method, path = request
        async with self.world.browser() as client:
            del client.headers["Origin"]
            content = {} if method in SAFE else {"content": b"{}", "headers": {"Content-Type": "application/json"}}
            made = client.build_request(method, path, **content)  # type: ignore[arg-type]
            made.headers.update(headers)
            return await client.send(made)

    def page(self, **headers: str) -> dict[str, str]:
        """Return what a page of the reviewer sends, with some of the headers replaced."""
        return {"Cookie": f"{COOKIE}={self.secret}", "Origin": ORIGIN, CSRF_HEADER: self.csrf_token} | headers

    def change(self, statement: str) -> None:
        with sqlite3.connect(self.database) as database:
            assert database.execute(statement).rowcount > 0

    def everything(self) -> dict[str, list[Any]]:
        """Return all rows of all tables."""
        with sqlite3.connect(self.database) as database:
            return {name: database.execute(f"SELECT * FROM {name}").fetchall() for name in metadata.tables}


def inner(app: Any) -> FastAPI:
    """Return the application that has the routes, whatever it is wrapped in."""
    while not isinstance(app, FastAPI):
        (app,) = vars(app).values()
    return app


async def built(world: World, database: Path) -> House:
    """Put something into a world that strangers would like to see, or to change."""
    async with world.visitor() as visitor:
        dialogue_id = await world.exchange(visitor, "The internet is down.", "Is the light on?")
    turn_id = (await world.dialogue(dialogue_id)).turns[-1].id
    reviewer = world.operators[Role.REVIEWER]
    async with world.log.writing() as writing:
        secret, session = await writing.open_session(reviewer, "a browser")
        program, token = await writing.make_token(reviewer, "a program")
    ids = {"dialogue_id": dialogue_id, "turn_id": turn_id, "session_id": session.id, "token_id": token.id}
    ids["name"] = SUPPORT.name  # Of a seed.
    return House(world, database, ids, secret, session.csrf_token, program)


def is_refused(answer: Response) -> bool:
    is_led_to_login = answer.status_code == 303 and answer.headers["location"].startswith("/review/login?next=")
    return answer.status_code in (401, 403) or is_led_to_login


def has_secure_headers(answer: Response) -> bool:
    return {name: answer.headers.get(name) for name in HEADERS} == HEADERS
