from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest

from benchmarks.results import percentile, summary, write_results


def test_a_row_has_the_median_and_the_range_of_each_measure() -> None:
    row = summary({"turns_per_s": [310.004, 290.0, 300.0], "added_ms_p50": [7.0]})

    assert row == {
        "turns_per_s": 300.0,
        "turns_per_s_range": [290.0, 310.0],
        "added_ms_p50": 7.0,
        "added_ms_p50_range": [7.0, 7.0],
    }


@pytest.mark.parametrize(
    ("share", "expected"), [(0.0, 1.0), (0.5, 5.0), (0.9, 9.0), (0.91, 10.0), (0.99, 10.0), (1.0, 10.0)]
)
def test_a_percentile_is_one_of_the_values(share: float, expected: float) -> None:
    assert percentile([10.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 1.0], share) == expected


def test_a_percentile_of_one_value_is_that_value() -> None:
    assert percentile([4.0], 0.99) == 4.0


def test_a_result_names_the_machine_the_time_and_the_commit(tmp_path: Path) -> None:
    path = write_results("pipeline", [{"turns_per_s": 300.0}], tmp_path / "new")

    written = json.loads(path.read_text("utf-8"))
    assert path == tmp_path / "new" / "pipeline.json"
    assert set(written) == {"machine", "when", "commit", "rows"}
    assert written["rows"] == [{"turns_per_s": 300.0}]
    assert {"cpu", "cores", "memory_gb", "python", "versions"} <= set(written["machine"])
    assert datetime.fromisoformat(written["when"]).tzinfo is not None
    assert written["commit"]


def test_a_result_of_a_gpu_names_it(tmp_path: Path) -> None:
    path = write_results("engine-gpu", [], tmp_path, gpu="NVIDIA H100 80GB HBM3, 79 GiB")

    machine = json.loads(path.read_text("utf-8"))["machine"]
    assert machine["gpu"] == "NVIDIA H100 80GB HBM3, 79 GiB"
    assert machine["cores"] >= 1


def test_a_new_result_replaces_the_old_one(tmp_path: Path) -> None:
    write_results("pipeline", [{"turns_per_s": 1.0}, {"turns_per_s": 2.0}], tmp_path)

    path = write_results("pipeline", [{"turns_per_s": 3.0}], tmp_path)

    assert json.loads(path.read_text("utf-8"))["rows"] == [{"turns_per_s": 3.0}]
