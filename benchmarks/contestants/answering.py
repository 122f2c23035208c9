"""A contestant's end of the line: it says that it is ready, and then measures whenever it is asked to.

Standard library only: a contestant may run in an environment that has nothing else of ours.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import Any

Measure = Callable[..., dict[str, Any]]
"""Takes what `asking.Contestant.ask` was given, and returns what that returns."""


def answer(prepare: Callable[[], tuple[Measure, dict[str, Any]]]) -> None:
    """Prepare, tell what is known of the contestant, and answer until nobody asks any more.

    Between two questions the process waits in a `read`, and its threads sleep: those of OpenMP, which torch and
    llama.cpp compute with, give up spinning some milliseconds after the last product. Nobody's way of waiting is
    changed, so that each computes as it does when it is alone on the machine.

    Args:
        prepare: loads the model; returns what measures, and facts such as a version.
    """
    # Libraries print what they like: the standard output that others see is for answers alone.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    measure, facts = prepare()
    print(json.dumps(facts), file=answers, flush=True)
    for line in sys.stdin:
        print(json.dumps(measure(**json.loads(line))), file=answers, flush=True)
