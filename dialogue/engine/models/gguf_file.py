"""Reads a GGUF file: its metadata, and its tensors as numbers, a block of rows at a time.

The reader of the `gguf` package makes an array of every single word of a vocabulary: 11 s for 262,144 words, and
transformers calls it four times. This one takes half a second; unpacking the quantised blocks is left to `gguf`.
Source: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import math
import mmap
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, dequantize

# The value types of the format, by number; 8 is a string, 9 an array.
_NUMBERS = {
    0: "B",
    1: "b",
    2: "H",
    3: "h",
    4: "I",
    5: "i",
    6: "f",
    7: "?",
    10: "Q",
    11: "q",
    12: "d",
}
_STRING = 8
_ARRAY = 9
_ALIGNMENT = 32  # Where the file does not say otherwise.

# 16,384 rows of Gemma's word vectors are 42 MB of float32: little memory, and still few steps.
_ROWS_AT_ONCE = 16_384


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a tensor lies: its shape as torch writes it, how its numbers are packed, its offset."""

    shape: tuple[int, ...]
    packing: GGMLQuantizationType
    offset: int


class GgufFile:
    """The content of a GGUF file of version 2 or 3, mapped into memory for as long as somebody looks at it.

    Raises:
        ValueError: it is not such a file.
    """

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            self._content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._at = 0
        magic, version, tensors, entries = self._take("4sIQQ")
        if magic != b"GGUF" or version not in (2, 3):
            raise ValueError(f"{path} is not a GGUF file of version 2 or 3: it begins with {magic!r}, {version}")
        self.metadata: dict[str, Any] = {}
        for _ in range(entries):
            key = self._take_string()
            self.metadata[key] = self._take_value(self._take("I")[0])
        self._places = {self._take_string(): self._take_place() for _ in range(tensors)}
        alignment = self.metadata.get("general.alignment", _ALIGNMENT)
        self._data = math.ceil(self._at / alignment) * alignment

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The tensors' shapes, by name."""
        return {name: place.shape for name, place in self._places.items()}

    def rows(self, name: str) -> Iterator[np.ndarray[Any, np.dtype[np.float32]]]:
        """Give the tensor in blocks of rows, float32; a tensor of one dimension is a single row."""
        place = self._places[name]
        *_, width = place.shape
        count = math.prod(place.shape) // width
        per_block, block_bytes = GGML_QUANT_SIZES[place.packing]
        row_bytes = width // per_block * block_bytes
        packed = np.frombuffer(self._content, np.uint8, count * row_bytes, self._data + place.offset)
        for start in range(0, count, _ROWS_AT_ONCE):
            block = packed.reshape(count, row_bytes)[start : start + _ROWS_AT_ONCE]
            yield np.array(dequantize(block, place.packing), dtype=np.float32)

    def _take_place(self) -> _Place:
        (dimensions,) = self._take("I")
        shape = self._take(f"{dimensions}Q")
        packing, offset = self._take("IQ")
        return _Place(tuple(reversed(shape)), GGMLQuantizationType(packing), offset)

    def _take_value(self, kind: int) -> Any:
        if kind == _STRING:
            return self._take_string()
        if kind != _ARRAY:
            return self._take(_NUMBERS[kind])[0]
        of, count = self._take("IQ")
        if of in _NUMBERS:
            return list(self._take(f"{count}{_NUMBERS[of]}"))
        return [self._take_value(of) for _ in range(count)]

    def _take_string(self) -> str:
        (length,) = self._take("Q")
        start, self._at = self._at, self._at + length
        return self._content[start : self._at].decode()

    def _take(self, form: str) -> tuple[Any, ...]:
        values = struct.unpack_from(f"<{form}", self._content, self._at)
        self._at += struct.calcsize(f"<{form}")
        return values
