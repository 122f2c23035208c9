"""Which shapes a step is rounded up to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialogue.engine.slots.buckets import Bucket, Buckets


@pytest.mark.parametrize(
    ("rows", "rounded"), [(1, 1), (2, 2), (3, 4), (5, 8), (9, 16), (129, 256), (256, 256), (257, 300), (300, 300)]
)
def test_rows_are_rounded_up_to_powers_of_two_and_to_no_more_than_there_are(rows: int, rounded: int) -> None:
    assert Buckets(slots=300, row_tokens=2048).around(rows, 1, 1, False).rows == rounded


@pytest.mark.parametrize(
    ("keys", "rounded"),
    [(1, 128), (128, 128), (129, 256), (600, 640), (897, 1024), (1025, 1280), (1793, 2000), (2000, 2000)],
)
def test_keys_are_rounded_up_to_few_lengths_and_to_no_more_than_a_row_has(keys: int, rounded: int) -> None:
    assert Buckets(slots=1, row_tokens=2000).around(1, 1, keys, False).keys == rounded


@pytest.mark.parametrize(("row_tokens", "lengths"), [(100, {100}), (128, {128}), (300, {128, 256, 300})])
def test_rows_that_are_short_have_their_own_length(row_tokens: int, lengths: set[int]) -> None:
    buckets = Buckets(slots=1, row_tokens=row_tokens)

    assert {buckets.around(1, 1, keys, False).keys for keys in range(1, row_tokens + 1)} == lengths


def test_adapters_make_a_bucket_of_their_own() -> None:
    assert Buckets(4, 512).around(3, 5, 9, True) == Bucket(rows=4, width=8, keys=128, is_adapted=True)


@given(data=st.data(), slots=st.integers(1, 600), row_tokens=st.integers(1, 5000))
def test_every_step_fits_its_bucket_and_there_are_few(data: st.DataObject, slots: int, row_tokens: int) -> None:
    rows, keys = data.draw(st.integers(1, slots)), data.draw(st.integers(1, row_tokens))

    bucket = Buckets(slots, row_tokens).around(rows, 1, keys, False)

    assert rows <= bucket.rows <= min(2 * rows, slots)
    assert keys <= bucket.keys <= min(max(keys + 255, 128), row_tokens)
