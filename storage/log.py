"""The log in SQL: everything that was said, and what is still to be sent."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from storage.records import Asked, LoggedHistory, Outgoing, ShownTurn
from storage.writing import Writing


@asynccontextmanager
async def sql_log(url: str, clock: Callable[[], float] = time.time) -> AsyncIterator[SqlLog]:
    """Open the log at `url` (`sqlite:///path` or `postgresql://...`) and close it at exit.

    Raises:
        StorageUnavailable: the database is out of reach.
    """
    yield SqlLog()


class SqlLog:
    """What was said, read; and the door to writing."""

    def writing(self) -> AbstractAsyncContextManager[Writing]:
        """Open one transaction: committed at exit, rolled back on an error."""
        raise NotImplementedError

    async def history(self, dialogue_id: str) -> LoggedHistory:
        """Return the kept turns of a dialogue in the order of the transcript."""
        raise NotImplementedError

    async def waiting(self, channel: str, older_than_s: float, limit: int = 500) -> list[Asked]:
        """Return messages without an answer, oldest first."""
        raise NotImplementedError

    async def transcript(self, chat_id: int) -> list[ShownTurn]:
        """Return the chat's current dialogue as people see it, waiting turns last."""
        raise NotImplementedError

    async def unsent(self, channel: str, limit: int = 1000) -> list[Outgoing]:
        """Return what is still to be sent, oldest first."""
        raise NotImplementedError

    async def pending_updates(self, bot_id: int, limit: int = 500) -> list[tuple[int, str]]:
        """Return (update id, JSON) of updates not handled yet, by update id."""
        raise NotImplementedError

    async def everything_about(self, channel: str, external_id: str) -> dict[str, Any]:
        """Return everything that is kept of a person, ready for JSON."""
        raise NotImplementedError

    async def ping(self) -> None:
        """Ask the database for a sign of life.

        Raises:
            StorageUnavailable: there was none.
        """
        raise NotImplementedError
