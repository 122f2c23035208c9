"""SQLite files with empty tables, migrated once and copied for each test: that takes a hundredth of the time."""

from __future__ import annotations

import asyncio
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

from storage.log.migrate import migrate


def empty_log(path: Path) -> str:
    """Make a file with the tables of the log unless there is one, and return its URL."""
    if not path.exists():
        path.write_bytes(_empty_tables())
    return f"sqlite:///{path}"


@cache
def _empty_tables() -> bytes:
    with tempfile.TemporaryDirectory(prefix="gv-") as folder:
        path = Path(folder) / "log.db"
        # In a thread, because in that of the test an event loop may be running.
        with ThreadPoolExecutor(1) as apart:
            apart.submit(asyncio.run, migrate(f"sqlite:///{path}")).result()
        return path.read_bytes()
