"""One JSON object a line, as every reader takes it: no line break within, and no lone surrogate."""

from __future__ import annotations

import json
from typing import Any

# Line breaks to some programs, though not to JSON: a reader that splits at them would cut a row in two.
_BREAKS = ("\x85", "\u2028", "\u2029")

_encoded = json.JSONEncoder(ensure_ascii=False).encode


def json_line(row: dict[str, Any], is_lossless: bool = False) -> bytes:
    """Return a row as a line of UTF-8.

    Args:
        is_lossless: escape lone surrogates, which UTF-8 has not. Otherwise they become U+FFFD, as they do before a
            model reads them: one in a whole file keeps PyArrow, and with it every trainer, from reading it.
    """
    text = _encoded(row)
    if any(each in text for each in _BREAKS):
        for each in _BREAKS:
            text = text.replace(each, f"\\u{ord(each):04x}")
    try:
        return f"{text}\n".encode()
    except UnicodeEncodeError:
        return f"{json.dumps(row if is_lossless else well_formed(row))}\n".encode("ascii")


def well_formed(value: Any) -> Any:
    """Return a value of JSON with U+FFFD for lone surrogates."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {name: well_formed(each) for name, each in value.items()}
    return [well_formed(each) for each in value] if isinstance(value, list) else value
