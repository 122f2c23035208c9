"""Our reader reads what the `gguf` package writes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from gguf import GGMLQuantizationType, GGUFWriter, dequantize, quantize

from dialogue.engine.models.gguf_file import GgufFile


def test_metadata_and_tensors_are_read_as_they_were_written(tmp_path: Path) -> None:
    matrix = np.random.default_rng(1).normal(size=(20_000, 64)).astype(np.float32)  # More rows than one block.
    vector = np.arange(7, dtype=np.float32)
    packed = quantize(matrix, GGMLQuantizationType.Q8_0)
    path = tmp_path / "small.gguf"
    writer = GGUFWriter(path, "test")
    writer.add_string("a.text", "Здравствуйте")
    writer.add_float32("a.number", 0.5)
    writer.add_bool("a.truth", True)
    writer.add_array("a.words", ["<eos>", "▁слово", ""])
    writer.add_array("a.scores", [-1, 0, 7])
    writer.add_tensor("matrix", packed, raw_dtype=GGMLQuantizationType.Q8_0)
    writer.add_tensor("vector", vector)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()

    gguf = GgufFile(path)

    assert gguf.metadata["general.architecture"] == "test"
    assert [gguf.metadata[f"a.{name}"] for name in ("text", "number", "truth")] == ["Здравствуйте", 0.5, True]
    assert gguf.metadata["a.words"] == ["<eos>", "▁слово", ""]
    assert gguf.metadata["a.scores"] == [-1, 0, 7]
    assert gguf.shapes == {"matrix": (20_000, 64), "vector": (7,)}
    assert np.array_equal(np.concatenate(list(gguf.rows("matrix"))), dequantize(packed, GGMLQuantizationType.Q8_0))
    assert np.array_equal(np.concatenate(list(gguf.rows("vector"))), vector[None])


def test_another_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "not.gguf"
    path.write_bytes(b"PK\x03\x04" + bytes(40))
    with pytest.raises(ValueError, match="not a GGUF file"):
        GgufFile(path)
