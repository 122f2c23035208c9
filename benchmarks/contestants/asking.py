"""Our end of the line to a contestant: starts it, asks it to measure, and ends it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.results import ROOT

# Longer than threads that wait for more work spin after the last: who was asked before is asleep by then.
_SETTLE_S = 0.2
# A traceback.
_LOG_CHARS = 3000


class Contestant:
    """A process that measures when it is asked to, and sleeps otherwise.

    Args:
        log: where it writes its complaints.
    """

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self._process = process
        self._log = log
        self.facts = self._hear()

    def ask(self, **question: Any) -> dict[str, Any]:
        """Have it measure; nobody else may be asked meanwhile.

        Raises:
            RuntimeError: it ended instead; the text has the end of its log.
        """
        assert self._process.stdin is not None
        time.sleep(_SETTLE_S)
        try:
            print(json.dumps(question), file=self._process.stdin, flush=True)
        except BrokenPipeError:
            self._process.wait()
        return self._hear()

    def _hear(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            log = self._log.read_text("utf-8", "replace")[-_LOG_CHARS:]
            raise RuntimeError(f"{self._process.args!r} ended; the end of its log:\n{log}")
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextmanager
def contestant(module: str, *arguments: str, log: Path, python: str = sys.executable) -> Iterator[Contestant]:
    """Run `python -m module` until the block is left.

    Args:
        log: the file that its standard error is written to.

    Raises:
        RuntimeError: it ended instead; the text has the end of its log.
    """
    command = [python, "-m", module, *arguments]
    with (
        log.open("w") as errors,
        subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True, encoding="utf-8"
        ) as process,
    ):
        try:
            yield Contestant(process, log)
        finally:
            # Nothing of it is needed any more, and to leave in order takes some of them seconds.
            process.kill()
