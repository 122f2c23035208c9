"""Which seeds a command takes, those of the files or those that operators put to work; a word where they differ."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from threading import Thread
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from dialogue.errors import SettingsError, StorageError

if TYPE_CHECKING:
    from bot.settings import Settings
    from dialogue.seeds import Seeds
    from storage.reviewed import SeedChoice

AtWork = Annotated[
    bool, typer.Option("--at-work", help="Take seeds as operators have put them to work in the review, not the files.")
]

# A database that nobody has asked for is not waited for: whoever writes seeds may be on a train.
_PATIENCE_S = 1.5


def seeds_for(names: Iterable[str], is_at_work: bool) -> Seeds:
    """Return the seeds of the files, and say of which of these names another version is at work; or those at work.

    Raises:
        SeedError: a file is none.
        SettingsError, StorageError: those at work are wanted, and cannot be read.
    """
    from dialogue.seeds import TUNED, load_seeds

    if is_at_work:
        return asyncio.run(_seeds_at_work())
    seeds, edited = load_seeds(), edited_seeds()
    for name in dict.fromkeys(each.removesuffix(TUNED) for each in names):
        if name in edited:
            put = who_and_when(edited[name])
            typer.echo(f"{name}: this is the file; another version is at work ({put}): --at-work takes it", err=True)
    return seeds


def edited_seeds() -> dict[str, SeedChoice]:
    """Return the choices by which seeds are not as their files have them; none where no database says so at once."""
    from bot.settings import load_settings

    with suppress(SettingsError, StorageError, TimeoutError):
        settings = load_settings()
        if _is_worth_asking(settings):
            return asyncio.run(_edited(settings))
    return {}


def who_and_when(choice: SeedChoice) -> str:
    """Return in a few words who has put a version to work, and when."""
    return f"{choice.operator}, {datetime.fromtimestamp(choice.at, UTC).astimezone():%Y-%m-%d %H:%M}"


async def _seeds_at_work() -> Seeds:
    from bot.running.opened_log import opened_log
    from storage.seed_versions import seeds_at_work

    async with opened_log() as log:
        return await seeds_at_work(log)


async def _edited(settings: Settings) -> dict[str, SeedChoice]:
    import time

    from storage.log.sql import sql_engines
    from storage.log.sql_log import SqlLog
    from storage.seed_versions import choices_at_work, seeds_at_work

    # Not `sql_log`, which cleans up: here nothing is to be changed.
    async with asyncio.timeout(_PATIENCE_S), sql_engines(settings.sql_url) as engines:
        log = SqlLog(engines, time.time)
        return await choices_at_work(log, await seeds_at_work(log))


def _is_worth_asking(settings: Settings) -> bool:
    """Say whether there is a database, as far as can be seen from here; a file would be made by opening it."""
    if settings.sql_file is not None:
        return settings.sql_file.exists()
    host = urlsplit(settings.sql_url).hostname
    return host is None or _is_known(host)


def _is_known(host: str) -> bool:
    """Say whether a name server knows a host by now. Whoever asks one cannot be interrupted, only left behind."""
    found: list[object] = []

    def ask() -> None:
        with suppress(OSError):
            found.extend(socket.getaddrinfo(host, None))

    asking = Thread(target=ask, daemon=True)
    asking.start()
    asking.join(_PATIENCE_S)
    return bool(found)
