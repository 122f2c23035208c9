"""A process of the project as a benchmark runs it: wired as always, but without Telegram's limits on sending.

`python -m benchmarks.ours bot` or `... worker` prints `ready` once it is.
"""

from __future__ import annotations

import asyncio
import sys

from bot.logs import configure_logging
from bot.running.stopping import told_to_stop
from bot.settings import Settings, load_settings
from bot.telegram.pacing import Limits, Rate
from bot.wiring import run_bot, run_worker

_NO_LIMITS = Limits(*[Rate(burst=1e9, per_s=1e9)] * 3)


async def run(kind: str, settings: Settings) -> None:
    """Run the process until it is told to stop."""
    async with told_to_stop() as stopping:
        if kind == "bot":
            await run_bot(settings, stopping, _ready, _NO_LIMITS)
        else:
            await run_worker(settings, stopping, _ready, lambda stage, share: None)


def _ready() -> None:
    print("ready", flush=True)


if __name__ == "__main__":
    settings = load_settings(env_file=None)
    configure_logging(settings.log_level, settings.secrets(), sys.argv[1])
    asyncio.run(run(sys.argv[1], settings))
