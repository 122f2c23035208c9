"""A process of the project as a fault test runs it: wired as always, but struck at a named place.

`python -m tests.faults.struck worker --kill-at worker-generated:3` ends itself there at the third time.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import signal
from collections import Counter
from contextlib import AsyncExitStack

from bot.logs import configure_logging
from bot.running.stopping import told_to_stop
from bot.settings import Settings, load_settings
from bot.telegram.pacing import Limits, Rate
from bot.wiring import foundations, run_bot, run_web, working
from dialogue.engine.remote.remote_engine import remote_engine
from dialogue.failpoints import arm
from dialogue.ports import Engine
from tests.faults.rigged_engine import RiggedEngine

NO_LIMITS = Limits(*[Rate(burst=1e9, per_s=1e9)] * 3)


def main() -> None:
    """Run the process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=["bot", "worker", "web"])
    parser.add_argument("--kill-at", metavar="PLACE:COUNT", default="", help="die there, without a word")
    parser.add_argument("--stop-at", metavar="PLACE:COUNT", default=[], action="append", help="stand still there")
    parser.add_argument("--with-limits", action="store_true", help="keep Telegram's limits; else as fast as it goes")
    parser.add_argument("--slots", type=int, default=16, help="how many dialogues a worker works on at a time")
    options = parser.parse_args()
    # A poisonous message kills on purpose: its core is of no use to anybody.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _arm(options.kill_at, options.stop_at)
    settings = load_settings(env_file=None)
    configure_logging(settings.log_level, settings.secrets(), options.kind)
    asyncio.run(_run(settings, options))


async def _run(settings: Settings, options: argparse.Namespace) -> None:
    async with told_to_stop() as stopping:
        if options.kind == "web":
            await run_web(settings, stopping, _ready)
        elif options.kind == "bot":
            await run_bot(settings, stopping, _ready, Limits() if options.with_limits else NO_LIMITS)
        else:
            await _run_worker(settings, stopping, options.slots)


async def _run_worker(settings: Settings, stopping: asyncio.Event, slots: int) -> None:
    async with AsyncExitStack() as stack:
        engine: Engine = RiggedEngine(slots=slots)
        if settings.is_model_remote:
            # As patient as it is by default, a test would take minutes.
            engine = await stack.enter_async_context(remote_engine(settings.model, deadline_s=8.0, silence_s=2.0))
        base = await stack.enter_async_context(foundations(settings))
        worker = await stack.enter_async_context(working(base, engine))
        _ready()
        await worker.run(stopping)


def _ready() -> None:
    print("ready", flush=True)  # noqa: T201


def _arm(kill_at: str, stop_at: list[str]) -> None:
    deadly, numbing = _place(kill_at), [_place(each) for each in stop_at]
    reached: Counter[str] = Counter()

    def strike(name: str) -> None:
        reached[name] += 1
        if (name, reached[name]) == deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        if (name, reached[name]) in numbing:
            print("stopped", flush=True)  # noqa: T201
            os.kill(os.getpid(), signal.SIGSTOP)

    arm(strike)


def _place(argument: str) -> tuple[str, int]:
    name, _, count = argument.partition(":")
    return name, int(count or 1)


if __name__ == "__main__":
    main()
