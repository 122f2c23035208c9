"""What is counted, and that the numbers of all processes are added up."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from bot.metrics import count_error, count_reply, exposition
from dialogue.errors import StorageUnavailable
from dialogue.turns import Completion, Generation, Outcome, Reply, Sampling, StopReason
from storage.records import Finished

COMPLETION = Completion("Hi!", StopReason.TAG, 100, 80, 3, first_token_s=0.2, duration_s=0.4)
GENERATION = Generation("plain-en", "0", "1", "scripted", "1", Sampling(), 7, COMPLETION, queued_s=0.02)
FINISHED = Finished("r1", "test", "d1", 0, ("1",), Reply(Outcome.ANSWERED, text="Hi!", generations=(GENERATION,) * 2))

COUNT_ONE_ERROR = "from bot.metrics import count_error; count_error(ValueError())"
SHOW = "from bot.metrics import exposition; print(exposition().decode())"


def value(exposed: bytes, name: str) -> float:
    values = [line.rsplit(" ", 1)[1] for line in exposed.decode().splitlines() if line.startswith(f"{name} ")]
    return float(values[0]) if values else 0.0


def test_a_reply_counts_every_generation_that_it_took() -> None:
    before = exposition()
    count_reply(FINISHED)
    after = exposition()

    def growth(name: str) -> float:
        return value(after, name) - value(before, name)

    assert growth('govorun_replies_total{channel="test",outcome="answered"}') == 1
    assert growth('govorun_tokens_total{kind="prompt"}') == 200
    assert growth('govorun_tokens_total{kind="reused"}') == 160
    assert growth('govorun_tokens_total{kind="computed"}') == 40
    assert growth('govorun_tokens_total{kind="new"}') == 6
    assert growth("govorun_generation_seconds_count") == 2
    assert growth('govorun_first_token_seconds_bucket{le="0.25"}') == 2


def test_errors_are_counted_by_kind() -> None:
    name = 'govorun_errors_total{kind="StorageUnavailable"}'
    before = value(exposition(), name)

    count_error(StorageUnavailable("down"))

    assert value(exposition(), name) == before + 1


def test_the_numbers_of_all_processes_are_added_up(tmp_path: Path) -> None:
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}

    def run(script: str) -> bytes:
        return subprocess.run([sys.executable, "-c", script], env=environment, check=True, capture_output=True).stdout

    run(COUNT_ONE_ERROR)
    run(COUNT_ONE_ERROR)

    assert value(run(SHOW), 'govorun_errors_total{kind="ValueError"}') == 2
