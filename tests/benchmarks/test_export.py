from __future__ import annotations

import argparse
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks import export
from storage.export.wanted import Format

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system has no /proc")


async def test_a_database_is_filled_and_exported_in_each_format() -> None:
    options = argparse.Namespace(formats=export.FORMATS, processes=[1, 2], repetitions=1)
    rows = await export.measure("sqlite", 400, options, Console(quiet=True))

    ways = [(str(format), processes) for format in export.FORMATS for processes in (1, 2)]
    assert [(row["format"], row["processes"]) for row in rows] == ways
    for row in rows:
        assert row["database"] == "sqlite"
        assert 300 < row["turns"] < 500
        assert row["turns_per_s"] > 0
        assert 10 < row["peak_rss_mb"] < 2000
    assert Format.PROMPT_COMPLETION in export.FORMATS
