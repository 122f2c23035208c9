"""Lines of a table that no spreadsheet takes for formulas, as ASVS 5.0 (1.2.10) and RFC 4180 want them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

# ASVS names = + - @ TAB NUL; some programs skip a line break and find what is behind it, some take the wide forms too.
_FORMULA_BEGINS = tuple("=+-@\t\0\r\n＝＋－＠")


def safe_cell(text: str) -> str:
    """Return a text that is one in a spreadsheet too: where it could be a formula, a single quote stands before it."""
    return f"'{text}" if text.startswith(_FORMULA_BEGINS) else text


def csv_line(cells: Iterable[str]) -> bytes:
    """Return a line of a table in UTF-8; lone surrogates, which UTF-8 has not, become U+FFFD."""
    line = io.StringIO(newline="")
    csv.writer(line, lineterminator="\r\n").writerow(_encodable(safe_cell(cell)) for cell in cells)
    return line.getvalue().encode()


def _encodable(text: str) -> str:
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
