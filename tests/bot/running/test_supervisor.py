from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.running.child import MISCONFIGURED, Child
from bot.running.supervisor import KILLED, Wave, supervise

# Says that it is ready, writes down when it starts and ends, and ends when it is told to or when its parent is gone.
WORKS = """
import asyncio, os, sys
from bot.running.notifying import notify_progress, notify_ready
from bot.running.stopping import end_of_input, told_to_stop

def note(what):
    with open(sys.argv[2], "a") as journal:
        journal.write(f"{sys.argv[1]} {what} {os.getpid()}\\n")

async def main():
    async with told_to_stop() as stopping, end_of_input(stopping):
        note("starts")
        notify_progress("warming up", 0.5)
        notify_ready()
        await stopping.wait()
        await asyncio.sleep(float(sys.argv[3]))
        note("ends")

asyncio.run(main())
"""
IS_MISCONFIGURED = "raise SystemExit(2)"
HANGS = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);" + WORKS.replace(
    "await stopping.wait()", "await asyncio.Event().wait()"
).replace("async with told_to_stop() as stopping, end_of_input(stopping):", "if True:")


class Journal:
    def __init__(self, path: Path) -> None:
        self.path = path
        path.touch()

    def lines(self) -> list[str]:
        """Return `NAME starts` and `NAME ends` in order."""
        return [line.rpartition(" ")[0] for line in self.path.read_text().splitlines()]

    def last_pid(self, name: str) -> int:
        return int(
            [line for line in self.path.read_text().splitlines() if line.startswith(f"{name} starts")][-1].split()[2]
        )

    async def until(self, line: str, times: int = 1) -> None:
        async with asyncio.timeout(20):
            while self.lines().count(line) < times:
                await asyncio.sleep(0.01)


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="gv-") as path:
        yield Path(path)


@pytest.fixture
def journal(folder: Path) -> Journal:
    return Journal(folder / "journal")


def child(name: str, journal: Journal, program: str = WORKS, linger_s: float = 0.0) -> Child:
    return Child(
        name, [sys.executable, "-c", program, name, str(journal.path), str(linger_s)], os.environ, journal.path.parent
    )


async def run(waves: list[Wave], ready: asyncio.Event | None = None) -> int:
    return await supervise(waves, (ready or asyncio.Event()).set, ending=lambda: None)


async def test_all_are_started_and_stopped_wave_after_wave(journal: Journal) -> None:
    front = [child("web", journal, linger_s=0.2), child("bot", journal)]
    ready = asyncio.Event()
    running = asyncio.create_task(run([Wave(front, 5), Wave([child("worker", journal)], 5)], ready))
    await ready.wait()

    os.kill(os.getpid(), signal.SIGTERM)

    assert await running == 0
    assert sorted(journal.lines()[:3]) == ["bot starts", "web starts", "worker starts"]
    assert journal.lines()[3:] == ["bot ends", "web ends", "worker ends"]


async def test_one_that_dies_is_started_again(journal: Journal) -> None:
    running = asyncio.create_task(run([Wave([child("worker", journal)], 5)]))
    await journal.until("worker starts")

    os.kill(journal.last_pid("worker"), signal.SIGKILL)

    await journal.until("worker starts", times=2)
    os.kill(os.getpid(), signal.SIGINT)
    assert await running == 0
    assert journal.lines() == ["worker starts", "worker starts", "worker ends"]


async def test_one_that_is_misconfigured_stops_everything(journal: Journal) -> None:
    web = child("web", journal)
    bot = child("bot", journal, IS_MISCONFIGURED)

    assert await run([Wave([web, bot], 5)]) == MISCONFIGURED


async def test_one_that_does_not_stop_is_killed(journal: Journal) -> None:
    ready = asyncio.Event()
    running = asyncio.create_task(run([Wave([child("worker", journal, HANGS)], 0.1)], ready))
    await ready.wait()

    os.kill(os.getpid(), signal.SIGTERM)

    assert await running == 0
    assert journal.lines() == ["worker starts"]


async def test_asking_twice_kills_at_once(journal: Journal) -> None:
    ready = asyncio.Event()
    running = asyncio.create_task(run([Wave([child("worker", journal, HANGS)], 600)], ready))
    await ready.wait()

    while not running.done():
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.sleep(0.1)

    assert await running == KILLED


async def test_a_signal_that_comes_twice_at_once_is_one(journal: Journal) -> None:
    ready = asyncio.Event()
    running = asyncio.create_task(run([Wave([child("worker", journal, linger_s=0.2)], 5)], ready))
    await ready.wait()

    for number in (signal.SIGTERM, signal.SIGINT):
        os.kill(os.getpid(), number)
        await asyncio.sleep(0)

    assert await running == 0
    assert journal.lines() == ["worker starts", "worker ends"]


async def test_what_a_child_tells_of_its_progress_is_heard(journal: Journal) -> None:
    heard: list[str] = []
    command = [sys.executable, "-c", WORKS, "worker", str(journal.path), "0"]
    worker = Child("worker", command, os.environ, journal.path.parent, lambda fields: heard.append(fields["STATUS"]))
    running = asyncio.create_task(worker.keep_running())
    await worker.ready.wait()

    await worker.stop(5)

    await running
    assert heard == ["warming up, 50%", "ready"]


async def test_one_that_is_stopped_while_it_starts_does_not_stay(journal: Journal) -> None:
    worker = child("worker", journal)
    running = asyncio.create_task(worker.keep_running())
    await asyncio.sleep(0)

    await worker.stop(5)

    await running
    assert not worker.ready.is_set()


async def test_children_do_not_outlive_a_parent_that_was_killed(journal: Journal) -> None:
    parent = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PARENT, sys.executable, WORKS, str(journal.path)), stdin=asyncio.subprocess.DEVNULL
    )
    await journal.until("worker starts")

    parent.kill()

    await parent.wait()
    await journal.until("worker ends")


PARENT = """
import asyncio, os, sys
from pathlib import Path
from bot.running.child import Child

_, python, program, journal = sys.argv
worker = Child("worker", [python, "-c", program, "worker", journal, "0"], os.environ, Path(journal).parent)
asyncio.run(worker.keep_running())
"""
