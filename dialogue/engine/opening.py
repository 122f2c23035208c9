"""Picks the engine by the model's name, prepares it and opens it; nothing heavy is imported before it is needed."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dialogue.engine.freed_memory import keep_freed_memory
from dialogue.errors import ModelRefused
from dialogue.ports import Engine

if TYPE_CHECKING:
    from dialogue.engine.models.loading import LoadedModel

# torch's threads wait for each other by spinning, two hundred times in a token. Left alone they spin for milliseconds,
# and where a second process wants the cores, a token takes 300 to 500 ms instead of 50; with this, 70 to 130 ms.
# It is read when torch is imported, and only by the OpenMP of GCC, which the wheels for CPUs bring.
_SPIN_COUNT = "30000"

EMBEDDED = "embedded"
ECHO = "echo"

Progress = Callable[[str, float], None]
"""Takes the name of a stage and how much of it is done, from 0 to 1; called from the event loop."""


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """Which model an engine is to run, and how.

    Args:
        model: `embedded`, `echo`, the address of a completions server (`https://host/v1`), a folder, or the id of a
            model on the Hugging Face hub.
        data_dir: where the embedded model is kept once it is converted.
        device: where a model of this process runs: `auto`, `cpu`, `cuda`, `cuda:1`.
        precision: in what it is computed: `auto`, `int8`, `bf16` or `fp32`.
        cache_gb: the most memory for keys and values, in 10^9 bytes; None for a share of what is free.
    """

    model: str
    data_dir: Path
    device: str = "auto"
    precision: str = "auto"
    cache_gb: float | None = None


@asynccontextmanager
async def open_engine(settings: EngineSettings, progress: Progress) -> AsyncIterator[Engine]:
    """Open the engine of a model until the block is left.

    Raises:
        ModelRefused: the model may not be loaded or does not exist; the text says what to use instead.
        EngineUnavailable: the embedded model cannot be prepared.
    """
    if settings.model == ECHO:
        from dialogue.engine.echo import EchoEngine

        yield EchoEngine()
    elif settings.model.startswith(("http://", "https://")):
        from dialogue.engine.remote.remote_engine import remote_engine

        async with remote_engine(settings.model) as remote:
            yield remote
    else:
        loaded = await load_model(settings, progress)
        from dialogue.engine.torch_engine import torch_engine

        async with torch_engine(loaded, cache_gb=settings.cache_gb) as local:
            yield local


async def load_model(settings: EngineSettings, progress: Progress) -> LoadedModel:
    """Load a model that runs in this process: the embedded one, or by its folder or name.

    Raises:
        ModelRefused: as `open_engine`, and where the model is elsewhere.
        EngineUnavailable: the embedded model cannot be prepared.
    """
    if settings.model == ECHO or settings.model.startswith(("http://", "https://")):
        raise ModelRefused(
            f"{settings.model} does not run in this process: name a folder, a model of the hub, or embedded"
        )
    return await _in_thread(lambda report: _load(settings, report), progress)


def _load(settings: EngineSettings, progress: Progress) -> LoadedModel:
    from dialogue.engine.models import embedded

    os.environ.setdefault("GOMP_SPINCOUNT", _SPIN_COUNT)
    keep_freed_memory()
    folder = embedded.prepare(settings.data_dir, progress) if settings.model == EMBEDDED else None
    progress("loading the model", 0.0)
    # Here and not above: importing torch takes seconds, during which progress is to be seen.
    from dialogue.engine.models import loading

    if folder is not None:
        revision = embedded.revision(folder)
        loaded = loading.load(folder, settings.device, embedded.NAME, revision, settings.precision)
    else:
        loaded = loading.load_named(settings.model, settings.device, settings.precision)
    progress("loading the model", 1.0)
    return loaded


async def _in_thread(work: Callable[[Progress], LoadedModel], progress: Progress) -> LoadedModel:
    """Run blocking work beside the event loop; if it is cancelled, the work ends at its next sign of progress.

    The thread ends with the work, and torch's helpers of it as well: those of the engine's own thread need the cores.
    """
    loop = asyncio.get_running_loop()
    is_wanted = True

    def report(stage: str, share: float) -> None:
        if not is_wanted:
            raise InterruptedError("nobody waits for the model any more")
        loop.call_soon_threadsafe(progress, stage, share)

    executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="loading")
    try:
        return await loop.run_in_executor(executor, work, report)
    finally:
        is_wanted = False
        executor.shutdown(wait=False)
