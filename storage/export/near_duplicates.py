"""Finds dialogues that say nearly the same as one before; on the disk, so that memory stays flat."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import numpy as np

from storage.export.scratch import Scratch

SIMILARITY = 0.8
"""The share of three-word sequences that two dialogues have to have in common (Jaccard)."""

# Thirteen bands of five: of dialogues that are 0.8 similar all but one in two hundred share a band. So do many that are
# less similar, and these are told from the others by all of their values.
_BANDS, _ROWS = 13, 5
VALUES = _BANDS * _ROWS
# Of very common words whole crowds may share a band; with so many of them it is compared.
_MOST_COMPARED = 20
_CACHE_KIB = 32 * 1024

_Values = np.ndarray[Any, np.dtype[np.uint32]]

_TABLES = """
    CREATE TABLE signatures (id INTEGER PRIMARY KEY, signature BLOB);
    CREATE TABLE bands (band INTEGER, id INTEGER, PRIMARY KEY (band, id)) WITHOUT ROWID;
"""


class NearDuplicates(Scratch):
    """Remembers dialogues, and finds those that are nearly like one of them."""

    def __init__(self) -> None:
        super().__init__(_TABLES, _CACHE_KIB)

    def is_new(self, signature: bytes) -> bool:
        """Note the signature of a dialogue, and say whether none before it says nearly the same."""
        values = np.frombuffer(signature, np.uint32)
        bands = _bands(values)
        if any(np.mean(values == other) >= SIMILARITY for other in self._sharing(bands)):
            return False
        added = self._database.execute("INSERT INTO signatures (signature) VALUES (?)", (signature,))
        self._database.executemany("INSERT INTO bands VALUES (?, ?)", ((band, added.lastrowid) for band in bands))
        return True

    def _sharing(self, bands: list[int]) -> list[_Values]:
        marks = ", ".join("?" * len(bands))
        read = self._database.execute(
            f"SELECT signature FROM signatures WHERE id IN "  # noqa: S608 - question marks only.
            f"(SELECT id FROM bands WHERE band IN ({marks}) LIMIT {_MOST_COMPARED})",
            bands,
        )
        return [np.frombuffer(signature, np.uint32) for (signature,) in read]


def _bands(values: _Values) -> list[int]:
    # The number of the band keeps the same values in another place apart; SQLite's numbers have 63 bits.
    return [
        number << 56 | int.from_bytes(blake2b(band.tobytes(), digest_size=7).digest())
        for number, band in enumerate(values.reshape(_BANDS, _ROWS))
    ]
