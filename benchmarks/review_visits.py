"""What operators look at: the addresses of pages, each kind in as many ways as there are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import cycle
from random import Random
from urllib.parse import urlencode

from benchmarks.full_log import LABELS, MODELS, SEEDS
from benchmarks.support_talk import LANGUAGES, PHRASES, a_number, vocabulary

# So many first pages are looked at for each one from which somebody pages on, and so far.
_SHALLOW, _PAGES = 12, 20
_DAY_S = 24 * 3600.0
_STATUSES = ("pending", "open", "snoozed", "resolved")
_APPROVALS = ("none", "approved", "rejected")
_FLAGS = ("retried", "disliked", "failed", "human", "claimed")
_QUEUES = ("newest", "random", "unlikeliest", *_FLAGS)

Visit = tuple[str, int]
"""An address, and how many pages are looked at from there on, by following the link to the next one."""


class Visits:
    """Thinks up addresses.

    Args:
        dialogues: ids of those that there are.
        now: when the last of them are, seconds since the epoch.
        days: how long ago the first of them are.
    """

    def __init__(self, dialogues: Sequence[str], now: float, days: int, random: Random) -> None:
        self._dialogues, self._now, self._days, self._random = dialogues, now, days, random

    def of(self, page: str, many: int) -> list[Visit]:
        """Return visits of a kind of page, for so many requests or few more."""
        kinds: dict[str, Callable[[], Iterator[Visit]]] = {
            "inbox": self._inbox,
            "search": self._search,
            "transcript": self._transcript,
            "next": self._next,
            "overview": self._overview,
        }
        found: list[Visit] = []
        for visit in kinds[page]():
            if sum(pages for _, pages in found) >= many:
                return found
            found.append(visit)
        raise AssertionError("visits never end")

    def _inbox(self) -> Iterator[Visit]:
        while True:
            for order in ("newest", "oldest", "unlikeliest"):
                for parameters in self._filters(_SHALLOW):
                    yield _inbox(order=order, **parameters), 1
                yield _inbox(order=order, status=self._random.choice(("", *_STATUSES))), _PAGES

    def _search(self) -> Iterator[Visit]:
        while True:
            language = self._random.choice(LANGUAGES)
            words = vocabulary(language)
            wanted = [
                a_number(self._random),
                *self._random.sample(words[:20], 3),
                *self._random.sample(words[20:200], 3),
                *self._random.sample(words[200:], 3),
                " ".join(self._random.sample(words[:20], 2)),
                " ".join(self._random.sample(words[:200], 2)),
                " ".join(self._random.sample(words, 2)),
                f'"{self._random.choice(PHRASES[language])}"',
                self._random.choice(PHRASES[language]),
            ]
            for typed in wanted:
                yield _inbox(q=typed), 1
            yield _inbox(q=self._random.choice(wanted)), 2
            for parameters in self._filters(3, SEEDS[language]):
                yield _inbox(q=self._random.choice(wanted), **parameters), 1

    def _transcript(self) -> Iterator[Visit]:
        while True:
            yield f"/review/dialogues/{self._random.choice(self._dialogues)}", 1

    def _next(self) -> Iterator[Visit]:
        for how in cycle(_QUEUES):
            yield f"/review/next?how={how}&besides={self._random.choice(self._dialogues)}", 1

    def _overview(self) -> Iterator[Visit]:
        return cycle([("/review/overview", 1)])

    def _filters(self, many: int, seeds: Sequence[str] = (*SEEDS["ru"], *SEEDS["en"])) -> Iterator[dict[str, str]]:
        """Yield filters: one thing, and for every fourth a second thing."""
        for number in range(many):
            found = self._filter(seeds)
            yield self._filter(seeds) | found if number % 4 == 3 else found

    def _filter(self, seeds: Sequence[str]) -> dict[str, str]:
        since = self._now - self._random.uniform(1, self._days) * _DAY_S
        name, value = self._random.choice(
            [
                ("status", self._random.choice(_STATUSES)),
                ("approval", self._random.choice(_APPROVALS)),
                ("flag", self._random.choice(_FLAGS)),
                ("seed", self._random.choice(seeds)),
                ("model", self._random.choice(MODELS)),
                ("assignee", self._random.choice(("me", "nobody"))),
                ("label", self._random.choice(LABELS)),
                ("since", f"{since:.0f}"),
            ]
        )
        return {name: value, "until": f"{since + _DAY_S:.0f}"} if name == "since" else {name: value}


def _inbox(**parameters: str) -> str:
    return f"/review?{urlencode({name: value for name, value in parameters.items() if value})}"
