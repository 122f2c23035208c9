from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from benchmarks.startup import resident_mb

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system has no /proc")


@asynccontextmanager
async def sleeping(*arguments: str, data_dir: Path, cwd: Path) -> AsyncIterator[None]:
    """Run a process that says when it is there."""
    command = (sys.executable, "-c", "print(flush=True); input()", *arguments)
    env = {**os.environ, "GOVORUN_DATA_DIR": str(data_dir)}
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, env=env, cwd=cwd, stdin=pipe, stdout=pipe)
    assert process.stdout is not None
    await process.stdout.readline()
    try:
        yield
    finally:
        process.kill()
        await process.communicate()


async def test_the_memory_of_each_process_of_a_data_directory_is_told(tmp_path: Path) -> None:
    data_dir, other_dir = tmp_path / "data", tmp_path / "data-2"
    (data_dir / "valkey").mkdir(parents=True)
    async with (
        sleeping("worker", data_dir=data_dir, cwd=tmp_path),
        sleeping("valkey-server", data_dir=other_dir, cwd=data_dir / "valkey"),
        sleeping("web", data_dir=other_dir, cwd=tmp_path),
        sleeping("something", data_dir=data_dir, cwd=tmp_path),
    ):
        memory = resident_mb(data_dir)

    assert sorted(memory) == ["valkey", "worker"]
    assert all(1 < size_mb < 1000 for size_mb in memory.values())
