"""Tells whoever started this process how far it is, in the words of systemd's sd_notify.

`govorun up` listens for it, and so does systemd for a service of `Type=notify`; without a listener nothing happens.
Source: https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html
"""

from __future__ import annotations

import os
import socket
from contextlib import suppress

# A listener that does not read must not hold up the work.
_TIMEOUT_S = 1.0


def notify_ready() -> None:
    """Say that the process can do its work."""
    notify(READY="1", STATUS="ready")


def notify_progress(stage: str, share: float) -> None:
    """Say what the process does before it is ready, and how much of that is done, from 0 to 1."""
    notify(STATUS=f"{stage}, {share:.0%}", X_GOVORUN_STAGE=stage, X_GOVORUN_SHARE=f"{share:.3f}")


def notify(**fields: str) -> None:
    """Send fields of the protocol."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    # A listener that is gone has nothing to be told.
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.settimeout(_TIMEOUT_S)
        # A leading @ stands for the zero byte of Linux's abstract names.
        sock.connect("\0" + address[1:] if address.startswith("@") else address)
        sock.sendall("\n".join(f"{name}={value}" for name, value in fields.items()).encode())
