"""Takes rows and writes them into a file, as its name says: `.jsonl`, `.jsonl.zst`, `.parquet` or `.csv`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import zstandard

from dialogue.errors import ExportError
from storage.export.json_lines import well_formed
from storage.export.safe_cells import csv_line
from storage.export.shapes.catalogue import SHAPES
from storage.export.shapes.records import COLUMNS
from storage.export.wanted import Format

Row = dict[str, Any]

ENDINGS = (".jsonl.zst", ".jsonl", ".parquet", ".csv")
"""What the name of a file may end with."""

# Rows of one piece of a Parquet file: some megabytes with long prompts.
_ROW_GROUP = 1000


class Sink(Protocol):
    """A file that takes rows."""

    def write(self, row: Row, line: bytes) -> None:
        """Write a row, which `line` is in JSON."""

    def close(self) -> None:
        """Write what is not written yet; the file itself stays open."""


def ending_of(path: Path, format: Format) -> str:
    """Return what kind of file it is to be.

    Raises:
        ExportError: none that is known, or none that can hold this format.
    """
    ending = next((each for each in ENDINGS if path.name.casefold().endswith(each)), "")
    if not ending or path.name.casefold() == ending:
        raise ExportError(f"--out {path}: its name must end with {', '.join(reversed(ENDINGS))}")
    if (ending == ".csv") != (format is Format.CSV):
        wanted = ".csv" if format is Format.CSV else ".jsonl, .jsonl.zst or .parquet"
        raise ExportError(f"--out {path}: a file of the format {format} must end with {wanted}")
    if ending == ".parquet":
        if not SHAPES[format].has_columns:
            raise ExportError(f"--out {path}: the rows of the format {format} differ too much for Parquet; take .jsonl")
        _pyarrow()
    return ending


def open_sink(file: BinaryIO, ending: str) -> Sink:
    """Return what writes rows into an open file."""
    makers: dict[str, Callable[[BinaryIO], Sink]] = {
        ".jsonl": _Lines,
        ".jsonl.zst": _PackedLines,
        ".parquet": _Columns,
        ".csv": _Table,
    }
    return makers[ending](file)


class _Lines:
    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, row: Row, line: bytes) -> None:
        self._file.write(line)

    def close(self) -> None:
        pass


class _PackedLines:
    def __init__(self, file: BinaryIO) -> None:
        # Prompts repeat the seed and what was said before: even at this fast level little of that is left.
        self._packed: Any = zstandard.ZstdCompressor(level=3, write_checksum=True).stream_writer(file, closefd=False)

    def write(self, row: Row, line: bytes) -> None:
        self._packed.write(line)

    def close(self) -> None:
        self._packed.close()


class _Table:
    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        # Without this mark Excel takes UTF-8 for the code page of the machine.
        self._file.write(b"\xef\xbb\xbf" + csv_line(COLUMNS))

    def write(self, row: Row, line: bytes) -> None:
        self._file.write(csv_line(row.values()))

    def close(self) -> None:
        pass


class _Columns:
    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._rows: list[Row] = []
        self._writer: Any = None

    def write(self, row: Row, line: bytes) -> None:
        self._rows.append(well_formed(row))
        if len(self._rows) == _ROW_GROUP:
            self._write_group()

    def close(self) -> None:
        if self._rows or self._writer is None:
            self._write_group()
        self._writer.close()

    def _write_group(self) -> None:
        arrow, parquet = _pyarrow()
        group = arrow.Table.from_pylist(self._rows, schema=self._writer and self._writer.schema)
        if self._writer is None:
            group = group.cast(_with_histories(arrow, group.schema))
            self._writer = parquet.ParquetWriter(self._file, group.schema, compression="zstd")
        self._writer.write_table(group)
        self._rows = []


def _with_histories(arrow: Any, schema: Any) -> Any:
    """Return the schema with pairs of texts for lists of nothing: Alpaca's, where no dialogue so far has a history."""
    pairs = arrow.list_(arrow.list_(arrow.string()))
    return arrow.schema(
        field.with_type(pairs) if field.type == arrow.list_(arrow.null()) else field for field in schema
    )


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise ExportError(
            "Parquet needs pyarrow: pip install 'govorun[parquet]', or take .jsonl or .jsonl.zst"
        ) from error
    return pyarrow, pyarrow.parquet
