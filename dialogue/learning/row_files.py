"""Reads the rows of an export, as the file's name says: `.jsonl`, `.jsonl.zst` or `.parquet`."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dialogue.errors import TrainingError

Row = dict[str, Any]


def rows_of(path: Path) -> Iterator[Row]:
    """Yield the rows one after the other.

    Raises:
        TrainingError: the file cannot be read, or a row is no object.
    """
    name = path.name.casefold()
    try:
        if name.endswith(".parquet"):
            yield from _columns(path)
        elif name.endswith((".jsonl", ".jsonl.zst")):
            yield from _lines(path, is_packed=name.endswith(".zst"))
        else:
            raise TrainingError(f"{path}: its name must end with .jsonl, .jsonl.zst or .parquet")
    except OSError as error:
        raise TrainingError(f"{path} cannot be read: {error}") from error


def _lines(path: Path, is_packed: bool) -> Iterator[Row]:
    import zstandard

    with path.open("rb") as file:
        raw: Any = zstandard.ZstdDecompressor().stream_reader(file) if is_packed else file
        try:
            for number, line in enumerate(io.BufferedReader(raw) if is_packed else raw, 1):
                try:
                    row = json.loads(line)
                except ValueError as error:
                    raise TrainingError(f"{path}, line {number}: not JSON: {error}") from error
                if not isinstance(row, dict):
                    raise TrainingError(f"{path}, line {number}: not a JSON object")
                yield row
        except zstandard.ZstdError as error:
            raise TrainingError(f"{path}: not a whole Zstandard file: {error}") from error


def _columns(path: Path) -> Iterator[Row]:
    import pyarrow
    import pyarrow.parquet

    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            for batch in file.iter_batches():
                yield from batch.to_pylist()
    except pyarrow.ArrowInvalid as error:
        raise TrainingError(f"{path}: not a Parquet file: {error}") from error
