"""Runs several processes as one: started together, told to stop in order, killed if somebody insists."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot.running.child import MISCONFIGURED, Child
from bot.running.stopping import told_to_stop

logger = logging.getLogger(__name__)

KILLED = 130
"""The exit code after a second Ctrl-C, as shells have it."""


@dataclass(frozen=True, slots=True)
class Wave:
    """Processes that are stopped at the same time, once those of the wave before have ended.

    Args:
        grace_s: how long they may take.
    """

    children: Sequence[Child]
    grace_s: float


async def supervise(waves: Sequence[Wave], ready: Callable[[], None], ending: Callable[[], None]) -> int:
    """Run the children until a signal comes or one of them is MISCONFIGURED; return the exit code.

    Args:
        waves: in the order in which they are stopped; all start at once.
        ready: called when all of them can do their work for the first time.
        ending: called when they are about to be stopped.
    """
    children = [child for wave in waves for child in wave.children]
    code = 0

    def kill_all() -> None:
        nonlocal code
        code = KILLED
        for child in children:
            child.kill()

    async def keep(child: Child) -> None:
        nonlocal code
        if await child.keep_running() == MISCONFIGURED and not stopping.is_set():
            logger.error("%s cannot run as it is set up, so everything stops", child.name)
            code = MISCONFIGURED
            stopping.set()

    async def greet() -> None:
        await asyncio.gather(*(child.ready.wait() for child in children))
        ready()

    async with told_to_stop(again=kill_all) as stopping, asyncio.TaskGroup() as tasks:
        for child in children:
            tasks.create_task(keep(child), name=child.name)
        greeting = tasks.create_task(greet(), name="greeting")
        await stopping.wait()
        greeting.cancel()
        ending()
        for wave in waves:
            await asyncio.gather(*(child.stop(wave.grace_s) for child in wave.children))
    return code
