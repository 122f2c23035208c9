"""A column type for texts of strangers: whatever a Python string can hold comes back as it was."""

from __future__ import annotations

import re

from sqlalchemy import Dialect, Text
from sqlalchemy.types import TypeDecorator

# "Data link escape", the control character that ASCII has for this, and that nobody types.
_ESCAPE = "\x10"

# PostgreSQL refuses NUL, and UTF-8 has no lone surrogates (JSON does: "\ud83d").
_UNSAFE = re.compile("[\x00\x10\ud800-\udfff]")
_ESCAPED = re.compile("\x10(\x10|[0-9a-f]{4})")


class SafeText(TypeDecorator[str]):
    """Text that is stored as it is, but for NUL, lone surrogates and the escape character itself."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Return the text as it is stored."""
        return None if value is None else escape(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        """Return the text as it was given."""
        return None if value is None else unescape(value)


def escape(text: str) -> str:
    """Return a text that every database takes; the same text where nothing stands in the way."""
    return _UNSAFE.sub(_escaped, text)


def unescape(text: str) -> str:
    """Return the text that was escaped."""
    return _ESCAPED.sub(_plain, text) if _ESCAPE in text else text


def _escaped(match: re.Match[str]) -> str:
    character = match[0]
    return _ESCAPE + (_ESCAPE if character == _ESCAPE else f"{ord(character):04x}")


def _plain(match: re.Match[str]) -> str:
    code = match[1]
    return _ESCAPE if code == _ESCAPE else chr(int(code, 16))
