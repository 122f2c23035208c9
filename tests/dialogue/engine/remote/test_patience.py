"""How long a failing server is bothered."""

from __future__ import annotations

import pytest

from dialogue.engine.remote.patience import Breaker, RetryBudget
from dialogue.errors import EngineUnavailable


def test_retries_are_a_fifth_of_the_calls_once_the_savings_are_spent() -> None:
    budget = RetryBudget(share=0.2, saved=3)
    assert sum(budget.take_retry() for _ in range(10)) == 3
    for _ in range(50):
        budget.count_call()
    assert sum(budget.take_retry() for _ in range(10)) == 3  # No more than 3 are ever saved.
    retries = 0
    for _ in range(100):
        budget.count_call()
        retries += budget.take_retry()
    assert retries == pytest.approx(20, abs=1)


def test_the_breaker_opens_after_failures_in_a_row_and_lets_one_call_through_per_rest() -> None:
    now = 0.0
    breaker = Breaker(lambda: now, failures=3, rest_s=10)
    for _ in range(2):
        breaker.count_failure()
    breaker.count_success()
    for _ in range(2):
        breaker.count_failure()
    breaker.check()
    breaker.count_failure()
    with pytest.raises(EngineUnavailable):
        breaker.check()
    now = 10.0
    breaker.check()
    with pytest.raises(EngineUnavailable):
        breaker.check()
    breaker.count_success()
    breaker.check()
