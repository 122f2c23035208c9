"""The chat page itself, in the language that the browser asks for."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from bot.web.language import preferred_language
from bot.web.texts import TEXTS


def page_router() -> APIRouter:
    """Return `/`; it is the same for everybody, what is theirs comes from the API."""
    router = APIRouter()
    template = Environment(
        loader=PackageLoader("bot.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    ).get_template("chat.html")
    pages = {language: template.render(language=language, texts=texts) for language, texts in TEXTS.items()}

    @router.get("/", response_class=HTMLResponse)
    async def page(request: Request) -> Response:
        return HTMLResponse(
            pages[preferred_language(request)], headers={"Cache-Control": "no-cache", "Vary": "Accept-Language"}
        )

    return router
