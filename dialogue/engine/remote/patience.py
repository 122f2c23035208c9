"""How long a failing server is bothered: a budget for retries, and a breaker that stops asking it at all."""

from __future__ import annotations

from collections.abc import Callable

from dialogue.errors import EngineUnavailable


class RetryBudget:
    """Lets a share of the calls be retried, so that a server in trouble does not get three times its load.

    Source: Finagle's retry budgets, https://twitter.github.io/finagle/guide/Clients.html#retries

    Args:
        share: retries for each call.
        saved: as many retries as are saved up at most, and there at the start.
    """

    def __init__(self, share: float = 0.2, saved: float = 10.0) -> None:
        self._share = share
        self._saved = saved
        self._left = saved

    def count_call(self) -> None:
        """Earn a share of a retry with a first try."""
        self._left = min(self._saved, self._left + self._share)

    def take_retry(self) -> bool:
        """Spend a retry, if there is one."""
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Breaker:
    """Opens after several failures in a row; while it is open, calls fail at once instead of at their deadline.

    After each `rest_s` one call is let through to see whether the server is back; its success closes the breaker.

    Args:
        failures: in a row; a server that fails every fifth time does so ten times in a row once in ten million tries.
    """

    def __init__(self, clock: Callable[[], float], failures: int = 10, rest_s: float = 10.0) -> None:
        self._clock = clock
        self._failures = failures
        self._rest_s = rest_s
        self._in_a_row = 0
        self._next_try_at = 0.0

    @property
    def is_open(self) -> bool:
        """Say that the server is taken for down."""
        return self._in_a_row >= self._failures

    def check(self) -> None:
        """Let the call pass or refuse it.

        Raises:
            EngineUnavailable: the breaker is open.
        """
        if not self.is_open:
            return
        now = self._clock()
        if now < self._next_try_at:
            raise EngineUnavailable(f"the model server failed {self._in_a_row} times in a row and is left alone")
        self._next_try_at = now + self._rest_s

    def count_failure(self) -> None:
        """Note that the server failed."""
        self._in_a_row += 1
        self._next_try_at = self._clock() + self._rest_s

    def count_success(self) -> None:
        """Note that the server answered."""
        self._in_a_row = 0
