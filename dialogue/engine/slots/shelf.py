"""The keys of seeds, kept beside the rows: each seed is read once, however often the rows change hands."""

from __future__ import annotations

from collections import OrderedDict

from dialogue.engine.slots.request import Request
from dialogue.engine.slots.slot_cache import KeptKeys

# A seed of 300 tokens takes 5 MB with the embedded model; few servers have more seeds in use.
_MOST = 32

_Name = tuple[str | None, tuple[int, ...]]  # The adapter, and the seed's tokens.


class Shelf:
    """Keeps keys and values of the seeds that were used last, for each adapter by itself."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._kept: OrderedDict[_Name, KeptKeys] = OrderedDict()

    def lacks(self, request: Request) -> bool:
        """Say that the request has its seed's keys in its row, and the shelf has not."""
        return 0 < request.seed_tokens <= request.read_tokens and _name(request) not in self._kept

    def put(self, request: Request, keys: KeptKeys) -> None:
        """Keep the keys of the request's seed."""
        self._kept[_name(request)] = keys
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)

    def find(self, request: Request) -> KeptKeys | None:
        """Return the keys of the request's seed, if they are here."""
        name = _name(request)
        if name in self._kept:
            self._kept.move_to_end(name)
        return self._kept.get(name)

    def forget(self, adapter: str) -> None:
        """Throw away what was read with an adapter."""
        self._kept = OrderedDict((name, keys) for name, keys in self._kept.items() if name[0] != adapter)

    def clear(self) -> None:
        """Throw everything away."""
        self._kept.clear()


def _name(request: Request) -> _Name:
    return request.adapter, tuple(request.tokens[: request.seed_tokens])
