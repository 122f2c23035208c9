"""Files that appear whole or not at all: written under another name beside where they are to be, and then renamed."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from dialogue.errors import ExportError
from dialogue.file_hash import sha256_of

_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Sealed:
    """A file that is complete, and will be there once all others are."""

    path: Path
    bytes: int
    sha256: str


@dataclass(slots=True)
class WholeFiles:
    """Several files of which all appear, or none."""

    _open: dict[Path, BinaryIO] = field(default_factory=dict)
    _parts: dict[Path, Path] = field(default_factory=dict)

    def open(self, path: Path) -> BinaryIO:
        """Begin a file that is to be at `path`."""
        # Hidden, and named after nobody's data: a process that is killed leaves it behind.
        part = path.parent / f".{path.name}.{secrets.token_hex(4)}.part"
        self._parts[path] = part
        self._open[path] = part.open("xb")
        return self._open[path]

    def seal(self, path: Path) -> Sealed:
        """Complete a file: what it holds is on the disk, and does not change any more."""
        file = self._open.pop(path)
        file.flush()
        os.fsync(file.fileno())
        file.close()
        return Sealed(path, self._parts[path].stat().st_size, sha256_of(self._parts[path]))

    def write(self, path: Path, text: str) -> None:
        """Write a whole small file."""
        self.open(path).write(text.encode("utf-8", "surrogatepass"))
        self.seal(path)

    def show(self, order: Iterable[Path]) -> None:
        """Give the files their names, in this order."""
        folders = set()
        for path in order:
            self._parts.pop(path).replace(path)
            folders.add(path.parent)
        for folder in folders:
            _sync_folder(folder)

    def discard(self) -> None:
        """Remove what was not shown."""
        for file in self._open.values():
            file.close()
        for part in self._parts.values():
            part.unlink(missing_ok=True)


@contextmanager
def whole_files() -> Iterator[WholeFiles]:
    """Write files; whatever was not shown at the end, because of an error or of Ctrl-C, is gone.

    Raises:
        ExportError: a file cannot be written.
    """
    files = WholeFiles()
    try:
        yield files
    except OSError as error:
        raise ExportError(f"cannot write {error.filename or 'the export'}: {error.strerror or error}") from error
    finally:
        files.discard()


def _sync_folder(folder: Path) -> None:
    # A name is only safe once its folder is on the disk.
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
