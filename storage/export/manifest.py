"""The manifest of an export: where it comes from, what it holds, and by which hashes one can tell that it is that.

It names the dialogues that each file holds by their hashes, so that `govorun forgotten` can say which hold somebody.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from dialogue.errors import ExportError
from dialogue.file_hash import sha256_of
from storage.records import hashed_id

SUFFIX = ".manifest.json"
VERSION = 1


def manifest_of(path: Path) -> Path:
    """Return where the manifest of an export lies, by the name that was given for its file."""
    return path.with_name(path.name + SUFFIX)


def write_manifest(file: BinaryIO, facts: Mapping[str, Any], held: Mapping[str, Iterable[str]]) -> None:
    """Write a manifest piece by piece: the dialogues may be hundreds of thousands.

    Args:
        held: for each file the ids of the dialogues of which it has something.
    """
    head = json.dumps({"version": VERSION, **facts}, ensure_ascii=False, indent=2)
    file.write(head.removesuffix("\n}").encode("utf-8", "backslashreplace"))
    file.write(b',\n  "dialogues": {')
    for number, (name, dialogues) in enumerate(held.items()):
        file.write(f"{',' if number else ''}\n    {json.dumps(name)}: [".encode())
        for index, dialogue in enumerate(dialogues):
            file.write(f'{"," if index else ""}\n      "{hashed_id(dialogue)}"'.encode())
        file.write(b"\n    ]")
    file.write(b"\n  }\n}\n")


def read_manifest(path: Path) -> dict[str, Any]:
    """Return what a manifest says.

    Raises:
        ExportError: there is none, or it is none.
    """
    try:
        manifest = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ExportError(f"{path}: not a manifest of an export: {error}") from error
    if not isinstance(manifest, dict) or manifest.get("version") != VERSION or "files" not in manifest:
        raise ExportError(f"{path}: not a manifest of an export, or one of another version of Govorun")
    return manifest


@dataclass(frozen=True, slots=True)
class Beside:
    """Another export in the same folder.

    Args:
        name: that was given for its file.
        files: the names and the parts of its files.
    """

    name: str
    format: str
    exported_at: str
    rows: int
    files: tuple[tuple[str, str], ...]


def others_beside(manifest: Path) -> list[Beside]:
    """Return the other exports in a folder, as far as their files are still there."""
    found = []
    for path in sorted(manifest.parent.glob(f"*{SUFFIX}")):
        try:
            facts = read_manifest(path)
            files = tuple((str(file["name"]), str(file["split"])) for file in facts["files"])
            rows = sum(int(file["rows"]) for file in facts["files"])
            other = Beside(path.name.removesuffix(SUFFIX), facts["format"], facts["exported_at"], rows, files)
        except (ExportError, KeyError, TypeError, ValueError):
            continue  # Somebody else's file of that name.
        if path != manifest and all((path.parent / Path(name).name).is_file() for name, _ in files):
            found.append(other)
    return found


def verified(path: Path) -> dict[str, Any]:
    """Return what a manifest says, once the files beside it are known to be those that it describes.

    Raises:
        ExportError: a file is missing, or was changed.
    """
    manifest = read_manifest(path)
    for entry in manifest["files"]:
        file = path.parent / Path(entry["name"]).name
        if not file.is_file():
            raise ExportError(f"{path}: its file {file.name} is missing")
        if sha256_of(file) != entry["sha256"]:
            raise ExportError(f"{file}: not the file that {path.name} describes: its SHA-256 is another")
    return manifest
