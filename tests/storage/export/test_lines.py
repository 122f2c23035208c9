"""G31: lines of JSON that may lose nothing do not, and no cell of a table is a formula."""

from __future__ import annotations

import csv
import io
import json
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from storage.export.json_lines import json_line
from storage.export.safe_cells import csv_line, safe_cell

# Whatever a string can hold, but a high surrogate right before a low one: in JSON these two are one character.
ANYTHING = st.text(st.characters(codec=None, exclude_categories=())).filter(
    lambda text: not any("\ud800" <= a <= "\udbff" and "\udc00" <= b <= "\udfff" for a, b in pairwise(text))
)
DANGEROUS = st.sampled_from(["=", "+", "-", "@", "\t", "\0", "\r", "\n", "＝"])


@settings(max_examples=10_000, deadline=None)
@given(ANYTHING)
def test_a_line_of_json_loses_nothing_and_is_one_line(text: str) -> None:
    line = json_line({"text": text}, is_lossless=True)

    assert json.loads(line) == {"text": text}
    assert len(line.decode().splitlines()) == 1


@settings(max_examples=10_000, deadline=None)
@given(st.lists(st.one_of(ANYTHING, st.tuples(DANGEROUS, ANYTHING).map("".join)), min_size=1, max_size=4))
def test_no_cell_is_a_formula_and_a_table_is_read_back(cells: list[str]) -> None:
    line = csv_line(cells)

    (read,) = csv.reader(io.StringIO(line.decode(), newline=""), strict=True)
    assert [cell for cell in read if cell.startswith(("=", "+", "-", "@", "\t", "\0", "\r"))] == []
    shown = [
        cell.removeprefix("'") if safe_cell(given) != given else cell for cell, given in zip(read, cells, strict=True)
    ]
    assert [len(cell) for cell in shown] == [len(cell) for cell in cells]


def test_lines_of_a_table_end_as_rfc_4180_wants_and_quotes_are_doubled() -> None:
    assert csv_line(['a "b"', "c,d", "e"]) == b'"a ""b""","c,d",e\r\n'
