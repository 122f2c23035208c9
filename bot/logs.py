"""Log lines of every process: for a person at a terminal, else as JSON, and never with a secret in them."""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Callable, Iterable
from typing import Any, TextIO
from urllib.parse import quote

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from bot.addresses import without_passwords

# What others log below a warning is noise, the text of messages, or (httpx) secrets.
_OURS = ("bot", "dialogue", "storage")

# A token that nobody told us about: of another bot, or of the settings before they were changed.
_TELEGRAM_TOKEN = re.compile(r"(?<!\d)(?P<bot_id>\d{6,}):[A-Za-z0-9_-]{30,}")

_ESCAPES: tuple[Callable[[str], str], ...] = (
    str,
    lambda text: quote(text, safe=""),
    lambda text: repr(text)[1:-1],
    lambda text: json.dumps(text)[1:-1],
    lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
)

# Shorter ones would be found in every other word.
_MIN_SECRET_CHARS = 4


def configure_logging(level: str, secrets: Iterable[str], process: str, stream: TextIO | None = None) -> None:
    """Send the logging of this process to `stream`: coloured lines if it is a terminal, else one JSON object a line.

    Args:
        level: from which level on our own code is heard; the libraries are heard from WARNING on.
        secrets: what is masked wherever it turns up, in tracebacks too.
        process: which process speaks, a field of every line.
        stream: None for the standard error.
    """
    stream = stream or sys.stderr
    is_terminal = stream.isatty()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        RedactingFormatter(
            redactor(secrets),
            process,
            foreign_pre_chain=_gather(process, is_terminal),
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_render(is_terminal)],
        )
    )
    logging.captureWarnings(True)
    logging.root.handlers = [handler]
    logging.root.setLevel(logging.WARNING)
    for name in _OURS:
        logging.getLogger(name).setLevel(level)


class RedactingFormatter(structlog.stdlib.ProcessorFormatter):
    """Masks secrets on the finished line: nothing can slip in behind it."""

    def __init__(self, redact: Callable[[str], str], process: str, **chain: Any) -> None:
        super().__init__(**chain)
        self.redact = redact
        self.process = process

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        return self.redact(super().format(record))


def redactor(secrets: Iterable[str]) -> Callable[[str], str]:
    """Return a function that masks these secrets, passwords in addresses and bot tokens in a text."""
    forms = {form for secret in secrets if len(secret) >= _MIN_SECRET_CHARS for form in _written_forms(secret)}
    # The longest first: one secret may be a part of another.
    known = re.compile("|".join(re.escape(form) for form in sorted(forms, key=len, reverse=True)) or r"(?!)")

    def redact(text: str) -> str:
        return without_passwords(_TELEGRAM_TOKEN.sub(r"\g<bot_id>:***", known.sub("***", text)))

    return redact


def _written_forms(secret: str) -> set[str]:
    """Return how the secret may stand in a line: as it is, or escaped, even twice, as a repr that is put into JSON."""
    once = {escape(secret) for escape in _ESCAPES}
    return once | {escape(form) for form in once for escape in _ESCAPES}


def _gather(process: str, is_terminal: bool) -> list[Processor]:
    def add_process(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
        return {"process": process, **event}

    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.ExtraAdder(),
        add_process,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="%H:%M:%S" if is_terminal else "iso", utc=not is_terminal, key="time"),
    ]


def _render(is_terminal: bool) -> list[Processor]:
    if is_terminal:
        # The traceback formatters that print the values of variables are not for us: those hold secrets and messages.
        plain = structlog.dev.plain_traceback
        return [structlog.dev.ConsoleRenderer(timestamp_key="time", pad_event_to=0, exception_formatter=plain)]
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False)]
