"""Takes what was erased out of SQLite's files.

Even with `secure_delete` SQLite leaves copies of rows in the gaps of its pages, where it had to rearrange them, in the
write-ahead log, and words in the index for searching. Only rewriting the file (VACUUM) is certain. PostgreSQL needs
nothing of this: its vacuum runs by itself.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from dialogue.errors import StorageError
from storage.log.sql import SqlConnection, SqlEngine, translated
from storage.log.sqlite_engine import SqliteConnection, SqliteEngine

logger = logging.getLogger(__name__)

# Writers wait while the file is rewritten: not for each person who says /forget, but well within the promised minute.
_EVERY_S = 20.0


@asynccontextmanager
async def scrubbing(engine: SqlEngine) -> AsyncIterator[asyncio.Event]:
    """Scrub soon after the event is set, and at exit what is left to do then."""
    erased = asyncio.Event()
    task = asyncio.create_task(_scrub_regularly(engine, erased))
    try:
        yield erased
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        if erased.is_set():
            await _is_scrubbed(engine)


async def note_erasure(connection: SqlConnection) -> None:
    """Leave a note in the database itself: a process that dies before it has scrubbed leaves that to the next one."""
    if isinstance(connection, SqliteConnection):
        with translated():
            await connection.exec_driver_sql("PRAGMA user_version = 1")


async def scrub(engine: SqlEngine) -> bool:
    """Rewrite the file if there is a note to do so; say whether it is clean: no reader was in the way.

    Raises:
        StorageUnavailable: the database is busy or full.
    """
    if not isinstance(engine, SqliteEngine):
        return True
    with translated():
        async with engine.connected() as connection:
            if await connection.value("PRAGMA user_version") == 0:
                return True
            # The index of words only notes that a text is gone, until its parts are merged.
            await connection.value("INSERT INTO turn_words(turn_words) VALUES ('optimize')")
            await connection.value("VACUUM")
            is_busy = await connection.value("PRAGMA wal_checkpoint(TRUNCATE)")
            if not is_busy:
                await connection.value("PRAGMA user_version = 0")
            return not is_busy


async def _scrub_regularly(engine: SqlEngine, erased: asyncio.Event) -> None:
    while True:
        erased.clear()
        is_scrubbed = await _is_scrubbed(engine)
        await asyncio.sleep(_EVERY_S)
        if is_scrubbed:
            await erased.wait()


async def _is_scrubbed(engine: SqlEngine) -> bool:
    try:
        return await scrub(engine)
    except StorageError as error:
        logger.warning("what was erased is still in the file: %s", error)
        return False
