"""What becomes of keys and values when everything is forgotten."""

from __future__ import annotations

import torch

from dialogue.engine.slots.slot_cache import SlotCache


def written(is_whole: bool) -> tuple[SlotCache, torch.Tensor]:
    """Return a cache with a token in each of two rows, and the keys that a pass sees there."""
    cache = SlotCache(slots=2, row_tokens=7, is_whole=is_whole)
    return cache, write(cache)


def write(cache: SlotCache) -> torch.Tensor:
    cache.make_room(1)
    cache.aim(0, torch.zeros(2, 1, dtype=torch.int64), end=1)
    return cache.update(torch.ones(2, 3, 1, 4), torch.ones(2, 3, 1, 4), layer=0)[0]


def test_rows_that_grow_give_their_memory_back() -> None:
    cache, _ = written(is_whole=False)

    cache.clear()

    assert cache.bytes_per_token == 0
    assert cache.keep(0, 1) == []


def test_whole_rows_stay_where_they_are_and_hold_nothing() -> None:
    cache, seen = written(is_whole=True)

    cache.clear()

    assert not seen.any()
    assert write(cache).data_ptr() == seen.data_ptr()


def test_whole_rows_have_a_spare_place_from_the_beginning() -> None:
    cache, _ = written(is_whole=True)

    assert cache.spare == 7
    assert cache.keep(0, 8)[0][0].shape == (8, 3, 4)
