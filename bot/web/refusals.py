"""Requests that cannot be taken: each gets a status, a name for programs and one sentence for the person."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from bot.metrics import count_error
from bot.web.json_answers import json_response
from bot.web.language import preferred_language
from bot.web.texts import text
from dialogue.errors import (
    AsidesClosed,
    MessageEmpty,
    MessageTooLong,
    NoAnswerInTime,
    NothingToRetry,
    ReviewError,
    SeedError,
    StorageUnavailable,
    TooManyAsides,
    TooManyWaiting,
    WithOperator,
)


class Refusal(Exception):
    """A request that cannot be taken.

    Args:
        reason: the name of its sentence in `bot.web.texts`.
        values: what the sentence mentions.
    """

    def __init__(self, status: int, reason: str, **values: object) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.values = values


class LedElsewhere(Exception):
    """A page that is not shown to whoever asked; another one is.

    Args:
        location: the address of that.
    """

    def __init__(self, location: str) -> None:
        super().__init__(location)
        self.location = location


def answer_errors_with_sentences(app: FastAPI) -> None:
    """Have the application answer every error with `{"reason": name, "error": sentence}`.

    Who follows a link gets the sentence as a page.
    """
    app.add_exception_handler(Exception, _answer(_failure))
    app.add_exception_handler(HTTPException, _answer(_no_such_thing))
    app.add_exception_handler(Refusal, _answer(lambda error: error))
    app.add_exception_handler(LedElsewhere, _lead)
    app.add_exception_handler(RequestValidationError, _point_out)
    for kind, translate in _TRANSLATIONS.items():
        app.add_exception_handler(kind, _answer(translate))


_PAGE = Environment(loader=PackageLoader("bot.web"), autoescape=True, undefined=StrictUndefined).get_template(
    "refusal.html"
)

_Translate = Callable[..., Refusal]

_TRANSLATIONS: dict[type[Exception], _Translate] = {
    MessageEmpty: lambda error: Refusal(422, "message_empty"),
    MessageTooLong: lambda error: Refusal(422, "message_too_long", length=error.length, limit=error.limit),
    TooManyWaiting: lambda error: Refusal(429, "too_many_waiting", limit=error.limit),
    WithOperator: lambda error: Refusal(409, "with_operator"),
    NothingToRetry: lambda error: Refusal(409, "nothing_to_retry"),
    SeedError: lambda error: Refusal(422, "unknown_seed"),
    TooManyAsides: lambda error: Refusal(429, "too_many_asides", limit=error.limit),
    NoAnswerInTime: lambda error: Refusal(504, "no_answer_in_time", seconds=f"{error.patience_s:.0f}"),
    AsidesClosed: lambda error: Refusal(503, "going_down"),
    ReviewError: lambda error: Refusal(409, "review_refused", why=error),
    StorageUnavailable: lambda error: _counted(error, Refusal(503, "unavailable")),
}


def _answer(translate: _Translate) -> Callable[[Request, Exception], Response]:
    def answer(request: Request, error: Exception) -> Response:
        refusal = translate(error)
        language = preferred_language(request)
        sentence = text(refusal.reason, language, **refusal.values)
        if request.method == "GET" and "text/html" in request.headers.get("accept", ""):
            # Somebody followed a link; scripts and programs do not ask for pages.
            home = "/review" if request.url.path.startswith("/review") else "/"
            page = _PAGE.render(language=language, name=text("name", language), sentence=sentence, home=home)
            return HTMLResponse(page, refusal.status, headers={"Vary": "Accept, Accept-Language"})
        return json_response({"reason": refusal.reason, "error": sentence}, refusal.status)

    return answer


def _lead(request: Request, error: Exception) -> Response:
    assert isinstance(error, LedElsewhere)
    return RedirectResponse(error.location, 303)


def _point_out(request: Request, error: Exception) -> Response:
    """Say which parameters are wrong, without repeating what they hold."""
    assert isinstance(error, RequestValidationError)
    sentence = text("not_understood", preferred_language(request))
    wrong = [{"where": [str(part) for part in each["loc"]], "what": each["msg"]} for each in error.errors()]
    return json_response({"reason": "not_understood", "error": sentence, "wrong": wrong}, 422)


def _failure(error: Exception) -> Refusal:
    # The server logs it with its traceback; the person gets a sentence.
    return _counted(error, Refusal(500, "failure"))


def _no_such_thing(error: HTTPException) -> Refusal:
    return Refusal(error.status_code, "not_found" if error.status_code == 404 else "not_understood")


def _counted(error: Exception, refusal: Refusal) -> Refusal:
    count_error(error)
    return refusal
