"""The log for a command that is not one of the processes: made if there is none, and of this version."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.running.data_folder import prepare
from bot.settings import load_settings
from storage.log.migrate import migrate
from storage.log.sql_log import SqlLog, sql_log


@asynccontextmanager
async def opened_log() -> AsyncIterator[SqlLog]:
    """Yield the log of the settings.

    Raises:
        SettingsError: the settings are wrong.
        StorageError: the log cannot be opened.
    """
    settings = load_settings()
    prepare(settings.data_dir)
    await migrate(settings.sql_url)
    async with sql_log(settings.sql_url) as log:
        yield log
