"""One JSON object a line, without loss: whatever a string can hold comes back as it was."""

from __future__ import annotations

import json
import re
from typing import Any

# Line breaks to some programs, though not to JSON: a reader that splits at them would cut a row in two.
_BREAKS = re.compile("[\x85\u2028\u2029]")


def json_line(row: dict[str, Any]) -> bytes:
    """Return a row as a line of UTF-8. Only where it has lone surrogates, which UTF-8 has not, all is escaped."""
    text = json.dumps(row, ensure_ascii=False, separators=(", ", ": "))
    try:
        return f"{_BREAKS.sub(_escaped, text)}\n".encode()
    except UnicodeEncodeError:
        return f"{json.dumps(row)}\n".encode("ascii")


def _escaped(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"
