"""The embedded model as the benchmarks use it: converted once, and kept where the tests keep it as well."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rich.console import Console

from benchmarks.results import ROOT
from dialogue.engine.freed_memory import keep_freed_memory
from dialogue.engine.models import embedded, loading
from dialogue.engine.models.loading import LoadedModel

DATA_DIR = ROOT / ".cache"


def folder(console: Console | None = None) -> Path:
    """Return the folder of the converted model; the first time it takes some seconds, which the console shows."""
    with (console or Console(stderr=True)).status("preparing the embedded model") as status:
        return embedded.prepare(DATA_DIR, lambda stage, share: status.update(f"{stage} {share:.0%}"))


def load(precision: str = "auto", console: Console | None = None) -> LoadedModel:
    """Load it on the CPU, as a worker does unless `precision` says otherwise: in a thread that ends.

    OpenMP counts the helpers of all threads that are left, and has them sleep at once where there are more than cores.
    """
    place = folder(console)
    keep_freed_memory()
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(loading.load, place, "cpu", embedded.NAME, embedded.revision(place), precision).result()
