"""Named places in the code where a fault test may strike; nothing happens there otherwise."""

from __future__ import annotations

from collections.abc import Callable

_strike: Callable[[str], None] | None = None


def reach(name: str) -> None:
    """Say that the place `name` was reached."""
    if _strike is not None:
        _strike(name)


def arm(strike: Callable[[str], None]) -> None:
    """Have `strike` called with the name of every place that is reached from now on."""
    global _strike
    _strike = strike
