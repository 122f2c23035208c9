"""The server's socket."""

from __future__ import annotations

import pytest

from bot.web.serving import listening_socket
from dialogue.errors import SettingsError


def test_a_port_that_is_taken_is_told_with_what_to_change() -> None:
    with listening_socket("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(SettingsError, match=rf"127\.0\.0\.1:{port}: .*set GOVORUN_WEB_HOST and GOVORUN_WEB_PORT"):
            listening_socket("127.0.0.1", port)


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(SettingsError, match="no-such-host"):
        listening_socket("no-such-host.invalid", 0)
