from __future__ import annotations

import io
import json
import logging
import sys
import warnings
from collections.abc import Iterator

import httpx
import pytest
import structlog

from bot.failing import explain
from bot.logs import configure_logging, redactor
from dialogue.errors import StorageUnavailable
from storage.live.redis_connection import redis_connection

TOKEN = "123456:AAE-do_not_show_this_token_to_anybody"
PASSWORD = 'do not "show" пароль'
NOBODY_LISTENS = "127.0.0.1:9"

logger = logging.getLogger("bot.test")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    levels = {name: logging.getLogger(name).level for name in ("", "bot", "dialogue", "storage")}
    handlers = logging.root.handlers
    # A command that was run in this process may have left it on, for another test's `warnings.showwarning`.
    logging.captureWarnings(False)
    yield
    logging.root.handlers = handlers
    logging.captureWarnings(False)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


@pytest.fixture(params=[Terminal, io.StringIO])
def lines(request: pytest.FixtureRequest) -> io.StringIO:
    stream: io.StringIO = request.param()
    return stream


@pytest.mark.parametrize(("level", "count"), [("INFO", 8), ("DEBUG", 9)])
async def test_no_failure_shows_a_secret(lines: io.StringIO, level: str, count: int) -> None:
    configure_logging(level, [TOKEN, PASSWORD], "bot", lines)

    await everything_fails()

    shown = lines.getvalue()
    assert shown.count("seen") == count
    for form in (TOKEN, TOKEN.partition(":")[2], PASSWORD, "do not", "do%20not"):
        assert form not in shown


async def everything_fails() -> None:
    async with httpx.AsyncClient() as client:
        try:
            await client.get(f"http://{NOBODY_LISTENS}/bot{TOKEN}/getMe")
        except httpx.ConnectError as error:
            # httpx keeps the request in its errors, but not in their text.
            logger.exception("seen %s", error.request.url)
    try:
        async with redis_connection(f"redis://:{httpx.URL(path=PASSWORD).path}@{NOBODY_LISTENS}"):
            raise AssertionError
    except StorageUnavailable:
        logger.exception("seen")
    try:
        raise ValueError(PASSWORD) from RuntimeError(f"postgresql://me:{PASSWORD}@{NOBODY_LISTENS}/log")
    except ValueError:
        logger.warning("seen", exc_info=True)
    logger.info("seen %s", TOKEN)
    logger.debug("seen at debug: %r", PASSWORD)
    logger.error("seen", extra={"messages": TOKEN, PASSWORD: 1})
    with structlog.contextvars.bound_contextvars(address=f"https://me:{PASSWORD}@localhost/v1"):
        logger.error("seen")
    logging.getLogger("library").error("seen %s", {"token": TOKEN})
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        complaint = f"seen {TOKEN}"
        warnings.warn(complaint, stacklevel=1)


def test_a_token_that_is_not_ours_is_masked_too() -> None:
    assert redactor([])(f"POST https://api.telegram.org/bot{TOKEN}/getMe") == (
        "POST https://api.telegram.org/bot123456:***/getMe"
    )


def test_a_json_line_has_time_level_process_and_ids() -> None:
    lines = io.StringIO()
    configure_logging("INFO", [], "worker", lines)

    with structlog.contextvars.bound_contextvars(dialogue="d1"):
        logger.info("answered %d", 3, extra={"messages": "m1"})

    line = json.loads(lines.getvalue())
    assert line.pop("time").endswith("Z")
    assert line == {
        "event": "answered 3",
        "level": "info",
        "logger": "bot.test",
        "process": "worker",
        "dialogue": "d1",
        "messages": "m1",
    }


def test_a_line_at_a_terminal_has_the_ids_too() -> None:
    lines = Terminal()
    configure_logging("INFO", [], "worker", lines)

    logger.info("answered", extra={"messages": "m1"})

    assert "answered" in lines.getvalue()
    assert "m1" in lines.getvalue()


def test_libraries_are_heard_from_warning_on_and_our_code_as_set() -> None:
    lines = io.StringIO()
    configure_logging("DEBUG", [], "bot", lines)

    logging.getLogger("httpx").info("a request")
    logging.getLogger("httpx").warning("a fault")
    logger.debug("a detail")

    assert [json.loads(line)["event"] for line in lines.getvalue().splitlines()] == ["a fault", "a detail"]


@pytest.mark.parametrize(("process", "beginning"), [("chat", "Error: gone"), ("worker", '{"process": "worker"')])
def test_only_the_error_that_ends_a_service_is_a_line_of_json(
    process: str, beginning: str, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging("INFO", [], process, sys.stderr)

    explain(StorageUnavailable("gone"))

    assert capsys.readouterr().err.startswith(beginning)
