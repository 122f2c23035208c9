"""Fills the review's templates: in the operator's language, and with everything escaped."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from bot.review.access import Caller
from bot.review.diffs import differences
from bot.review.texts import TEXTS
from bot.web.language import preferred_language

# How much of what has not changed is shown around a change.
_LINES_AROUND = 3


class Rendering:
    """Makes pages.

    Args:
        clock: seconds since the epoch.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._environment = Environment(
            loader=PackageLoader("bot.review"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters["moment"] = _moment
        self._environment.filters["clock"] = _clock
        self._environment.filters["whole"] = _whole
        self._environment.filters["shortened"] = _shortened
        self._environment.filters["tag"] = _tag
        self._environment.globals["differences"] = differences
        self._environment.globals["symbols"] = (Path(__file__).parent / "static" / "symbols.svg").read_text("utf-8")

    def page(
        self, request: Request, template: str, status: int = 200, caller: Caller | None = None, **values: Any
    ) -> HTMLResponse:
        """Return a page; its template also gets `texts`, `language`, `caller`, `now`, `path` and `link`."""
        language = preferred_language(request)

        def link(**changed: Any) -> str:
            """Return the address of this page with other parameters; None and empty ones are left out."""
            parameters = {**request.query_params, **changed}
            query = urlencode({name: value for name, value in parameters.items() if value not in (None, "")})
            return f"{request.url.path}?{query}" if query else request.url.path

        content = self._environment.get_template(template).render(
            texts=TEXTS[language],
            language=language,
            caller=caller,
            now=self._clock(),
            path=request.url.path,
            link=link,
            **values,
        )
        # Half a surrogate pair, which a person can send, has no UTF-8.
        body = content.encode("utf-8", "replace")
        return HTMLResponse(body, status, headers={"Cache-Control": "no-store", "Vary": "Accept-Language"})


def _moment(at: float | None) -> str:
    """Return a time as a machine reads it; the page's script shows it in the operator's own time zone."""
    return "" if at is None else datetime.fromtimestamp(at).astimezone().isoformat(timespec="seconds")


def _clock(at: float | None) -> str:
    """Return a time for the moment before the page's script has read it."""
    return "" if at is None else datetime.fromtimestamp(at).astimezone().strftime("%H:%M")


def _tag(person_id: str) -> str:
    """Return what tells people without a name apart, and says nothing else of them."""
    return f" {blake2b(person_id.encode('utf-8', 'replace'), digest_size=2).hexdigest()}" if person_id else ""


def _whole(share: float | None) -> str:
    return "—" if share is None else f"{share:.0%}"


def _shortened(text: str) -> str:
    """Return what two texts have in common with its middle left out, where that is long."""
    lines = text.split("\n")
    return (
        text if len(lines) <= 2 * _LINES_AROUND else "\n".join([*lines[:_LINES_AROUND], "…", *lines[-_LINES_AROUND:]])
    )
