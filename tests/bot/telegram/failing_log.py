"""A log that is out of reach for a while."""

from __future__ import annotations

from typing import Any, NoReturn

from dialogue.errors import StorageUnavailable
from storage.log.sql_log import SqlLog


class FailingLog:
    """Fails so many times, then writes to a real log."""

    def __init__(self, log: SqlLog, failures: int) -> None:
        self._log, self.failures = log, failures

    def writing(self) -> Any:
        if self.failures > 0:
            self.failures -= 1
            return self
        return self._log.writing()

    async def __aenter__(self) -> NoReturn:
        raise StorageUnavailable("the database is out of reach")

    async def __aexit__(self, *error: object) -> None:
        raise AssertionError("never entered")
