"""Reads an export back, once its manifest has proven that it is what was written."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import zstandard

from dialogue.errors import ExportError
from dialogue.file_hash import sha256_of
from storage.export.manifest import SUFFIX, read_manifest, verified

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reread:
    """A file of an export.

    Args:
        sha256: of its content; `manifest_sha256` that of the manifest which names it.
        dialogues: how many the manifest says that it holds.
        seeds: the versions of the seeds, by name.
        facts: all that the manifest says.
    """

    path: Path
    manifest: Path
    format: str
    sha256: str
    manifest_sha256: str
    rows: int
    dialogues: int
    split: str
    seeds: dict[str, str]
    facts: dict[str, Any]


def reread(path: Path) -> Reread:
    """Find the manifest of a file of an export, and make sure that it describes it.

    Raises:
        ExportError: there is no such file or no manifest that names it, or it was changed.
    """
    if not path.is_file():
        raise ExportError(f"there is no file {path}")
    for manifest_path in sorted(path.parent.glob(f"*{SUFFIX}")):
        try:
            names = [entry["name"] for entry in read_manifest(manifest_path)["files"]]
        except (ExportError, KeyError, TypeError):
            continue  # Somebody else's file of that name.
        if path.name not in names:
            continue
        facts = verified(manifest_path)
        try:
            entry = next(each for each in facts["files"] if each["name"] == path.name)
            return Reread(
                path=path,
                manifest=manifest_path,
                format=facts["format"],
                sha256=entry["sha256"],
                manifest_sha256=sha256_of(manifest_path),
                rows=entry["rows"],
                dialogues=entry["dialogues"],
                split=entry["split"],
                seeds={name: seed["version"] for name, seed in facts["seeds"].items()},
                facts=facts,
            )
        except (KeyError, TypeError) as error:
            raise ExportError(f"{manifest_path}: not a manifest of an export: {error} is missing") from error
    raise ExportError(f"{path}: no manifest (*{SUFFIX}) beside it names it; only what `govorun export` wrote is read")


def rows_of(file: Reread) -> Iterator[Row]:
    """Yield the rows of a file.

    Raises:
        ExportError: it is of a kind that cannot be read back, or a row is broken.
    """
    name = file.path.name.casefold()
    if name.endswith(".parquet"):
        yield from _columns(file.path)
    elif name.endswith((".jsonl", ".jsonl.zst")):
        with file.path.open("rb") as raw:
            packed = zstandard.ZstdDecompressor().stream_reader(raw) if name.endswith(".zst") else raw
            with io.TextIOWrapper(packed, "utf-8", newline="\n") as lines:
                for number, line in enumerate(lines, 1):
                    yield _row(file.path, number, line)
    else:
        raise ExportError(f"{file.path}: only .jsonl, .jsonl.zst and .parquet can be read back")


def _row(path: Path, number: int, line: str) -> Row:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise ExportError(f"{path}: line {number} is not JSON") from error
    if not isinstance(row, dict):
        raise ExportError(f"{path}: line {number} is not a row")
    return row


def _columns(path: Path) -> Iterator[Row]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise ExportError("Parquet needs pyarrow: pip install 'govorun[parquet]', or export .jsonl") from error
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            for batch in file.iter_batches():
                yield from batch.to_pylist()
    except pyarrow.ArrowInvalid as error:
        raise ExportError(f"{path}: not a Parquet file: {error}") from error
