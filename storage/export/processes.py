"""Prepares pages of dialogues, in this process where they are few, and in several where they are very many."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Protocol

from dialogue.errors import ExportError, GovorunError
from storage.export.preparing import Page, Preparing
from storage.log.sql import SqlEngine, sql_engines

_FEWEST_DIALOGUES = 2_000
"""So many are prepared while processes start."""

_MOST = 8
"""With so many the one that writes is busy."""


def usual_processes() -> int:
    """Return how many processes this machine has cores for."""
    # In a container those are fewer than the machine has; only Linux tells.
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, _MOST)


class PreparePages(Protocol):
    """Takes the ids of dialogues, page by page, and how many dialogues there are; yields the pages in order."""

    def __call__(self, ids: AsyncIterator[list[str]], many: int) -> AsyncGenerator[Page]: ...


def pages_in_order(url: str, engine: SqlEngine, preparing: Preparing, processes: int) -> PreparePages:
    """Return what prepares pages.

    Args:
        url: of the database, to which each process connects.
        engine: this process's own.

    Raises:
        ExportError: while pages are taken: a process has died.
        StorageUnavailable: while pages are taken: the database is out of reach or busy.
    """

    async def prepared(ids: AsyncIterator[list[str]], many: int) -> AsyncGenerator[Page]:
        if processes < 2 or many < _FEWEST_DIALOGUES:
            async for page in ids:
                yield await preparing.page(engine, page)
            return
        with _helpers(url, preparing, processes) as helpers:
            async with aclosing(_in_order(ids, helpers)) as pages:
                async for prepared in pages:
                    yield prepared

    return prepared


class _Helper:
    """A process that prepares pages, one at a time."""

    def __init__(self, url: str, preparing: Preparing) -> None:
        # A new interpreter, not a copy of this one: that would have our locks, but not the threads that release them.
        context = get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_help, args=(theirs, url, preparing), daemon=True)
        self._process.start()
        # So that the connection breaks when the process dies, whichever of the two.
        theirs.close()

    def page(self, ids: list[str]) -> Page:
        """Have a page prepared; blocks meanwhile."""
        try:
            self._connection.send(ids)
            answer: Page | GovorunError = self._connection.recv()
        except (EOFError, OSError):
            self._process.join()
            raise ExportError(
                f"a process that prepared rows has died (exit code {self._process.exitcode}); where memory is short, "
                "--processes 1 takes the least"
            ) from None
        if isinstance(answer, GovorunError):
            raise answer
        return answer

    def stop(self) -> None:
        """End the process, whatever it does: it only reads."""
        self._process.terminate()
        self._process.join()
        self._connection.close()


@contextmanager
def _helpers(url: str, preparing: Preparing, many: int) -> Iterator[list[_Helper]]:
    helpers: list[_Helper] = []
    try:
        for _ in range(many):
            helpers.append(_Helper(url, preparing))
        yield helpers
    finally:
        for helper in helpers:
            helper.stop()


async def _in_order(ids: AsyncIterator[list[str]], helpers: list[_Helper]) -> AsyncGenerator[Page]:
    idle: asyncio.Queue[_Helper] = asyncio.Queue()
    for helper in helpers:
        idle.put_nowait(helper)

    async def ask(page: list[str]) -> Page:
        helper = await idle.get()
        try:
            return await asyncio.to_thread(helper.page, page)
        finally:
            idle.put_nowait(helper)

    asked: deque[asyncio.Task[Page]] = deque()
    try:
        async for page in ids:
            asked.append(asyncio.create_task(ask(page)))
            # One more than there are processes, so that none waits for the next page.
            if len(asked) > len(helpers):
                yield await asked.popleft()
        while asked:
            yield await asked.popleft()
    finally:
        for task in asked:
            task.cancel()


def _help(connection: Connection, url: str, preparing: Preparing) -> None:
    """Prepare pages until the other side is gone."""
    # Ctrl-C reaches all processes of a terminal; the first one ends the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asyncio.run(_answer(connection, url, preparing))


async def _answer(connection: Connection, url: str, preparing: Preparing) -> None:
    async with sql_engines(url) as engines:
        while True:
            try:
                ids = connection.recv()
                connection.send(await _page_or_error(preparing, engines.reading, ids))
            except (EOFError, ConnectionError):
                return


async def _page_or_error(preparing: Preparing, engine: SqlEngine, ids: list[str]) -> Page | GovorunError:
    try:
        return await preparing.page(engine, ids)
    except GovorunError as error:
        return error
