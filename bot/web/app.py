"""Puts the routes together into the application that a server runs."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, FastAPI, Response
from fastapi.staticfiles import StaticFiles
from starlette.types import ASGIApp

from bot.web.refusals import answer_errors_with_sentences
from bot.web.security import SecureHeaders


def web_app(*routers: APIRouter) -> ASGIApp:
    """Return the application: these routes, the files that pages need, secure headers on everything."""
    # No generated documentation: its pages load scripts of other sites, which the headers forbid.
    app = FastAPI(openapi_url=None)
    for router in routers:
        app.include_router(router)
    app.mount("/static", _Files(packages=[("bot.web", "static"), ("bot.review", "static")]))
    answer_errors_with_sentences(app)
    return SecureHeaders(app)


class _Files(StaticFiles):
    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        """Have browsers ask each time whether a file is new (a 304 if not): after an update old and new do not mix."""
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = "no-cache"
        return response
