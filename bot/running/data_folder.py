"""The data directory: private to the user who runs Govorun, and to one `govorun up` at a time."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dialogue.errors import SettingsError


def prepare(folder: Path) -> None:
    """Make the folder if it is not there; nobody but its owner may look into a new one.

    Raises:
        SettingsError: it cannot be made or written to.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(f"{_problem(folder)}: {error.strerror}") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise SettingsError(f"{_problem(folder)}: it belongs to somebody else")


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Hold the folder; the system lets go of it when the process ends, however it ends.

    Raises:
        SettingsError: another process holds it.
    """
    with (folder / "up.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            raise SettingsError(
                f"govorun up runs already (process {lock.read() or 'unknown'}) with its data in {folder}; "
                "stop it first, or set GOVORUN_DATA_DIR to another folder"
            ) from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def _problem(folder: Path) -> str:
    return f"data cannot be kept in {folder}, set GOVORUN_DATA_DIR to a folder that may be written to"
