"""Keeps one valkey server alive for as long as anybody uses its folder; a program that `storage.live.embedded` starts.

It leads a session of its own, where Ctrl-C does not reach: the server must outlive those that still have to write.
Users hold a shared lock on a file, which the system releases even for a process that was killed, so that the
exclusive lock comes exactly when the last of them is gone. Standard library only: it starts at once and stays small.
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

# A server that cannot live (a full disk, a damaged file) should not fill its log by being started over and over.
_RESTART_PAUSE_S = 0.2


def main(folder: Path, command: list[str]) -> None:
    """Run `command`, again whenever it ends, until nobody holds `folder/users`; do nothing where a keeper is there."""
    # Whoever started this must neither wait for it nor take it along.
    if os.fork():
        return
    # Who stops everything at once (systemd, a container) means the users first: the server goes after them.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    # The keeper's lock goes first: who then gets the one on the users may start another keeper.
    with (folder / "users").open("ab") as users, (folder / "keeper").open("ab") as keeper:
        try:
            fcntl.flock(keeper, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        with _Server(command, keeper.fileno()):
            fcntl.flock(users, fcntl.LOCK_EX)


class _Server:
    def __init__(self, command: list[str], lock: int) -> None:
        self._command = command
        self._lock = lock
        self._is_wanted = True
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *reason: object) -> None:
        self._is_wanted = False
        while self._thread.is_alive():
            if self._process is not None:
                self._process.terminate()
            self._thread.join(_RESTART_PAUSE_S)

    def _run(self) -> None:
        while self._is_wanted:
            # The server inherits the lock: should its keeper be killed, no second server writes into the folder.
            self._process = subprocess.Popen(self._command, pass_fds=[self._lock])  # noqa: S603 - ours
            self._process.wait()
            threading.Event().wait(_RESTART_PAUSE_S)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
