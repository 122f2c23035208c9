"""What commands find around them."""

from __future__ import annotations

import pytest

from bot.settings import names


def forget_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the settings of whoever runs the tests out of the environment."""
    for name in names():
        monkeypatch.delenv(name, raising=False)
