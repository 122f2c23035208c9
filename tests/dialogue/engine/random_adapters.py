"""Random LoRA adapters on the disk as PEFT writes them, and models that have one in their weights."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from transformers.pytorch_utils import Conv1D

from dialogue.engine.models.adapter_file import Adapter
from dialogue.engine.models.adapters import adaptable


def write_adapter(folder: Path, model: Any, seed: int = 1, only: str = "", **settings: Any) -> Path:
    """Write random matrices for all projections of a model whose path matches `only`."""
    config: dict[str, Any] = {"peft_type": "LORA", "r": 4, "lora_alpha": 8, "bias": "none", **settings}
    chance = torch.Generator().manual_seed(seed)
    tensors = {}
    for path, module in adaptable(model).items():
        if re.search(only, path):
            size_in, size_out = sizes(module)
            special = [value for end, value in config.get("rank_pattern", {}).items() if path.endswith(end)]
            rank = [*special, config["r"]][0]
            tensors[key(path, "A")] = torch.randn(rank, size_in, generator=chance) / 10
            tensors[key(path, "B")] = torch.randn(size_out, rank, generator=chance) / 10
    folder.mkdir()
    save_file(tensors, folder / "adapter_model.safetensors")
    (folder / "adapter_config.json").write_text(json.dumps(config))
    return folder


def key(path: str, side: str) -> str:
    return f"base_model.model.{path}.lora_{side}.weight"


def sizes(module: Any) -> tuple[int, int]:
    return (module.nx, module.nf) if isinstance(module, Conv1D) else (module.in_features, module.out_features)


@torch.no_grad()
def merged(model: Any, adapter: Adapter | None) -> Any:
    """Return a copy of the model with the adapter in its weights."""
    model = copy.deepcopy(model)
    for path, low in adapter.matrices.items() if adapter else ():
        module = model.get_submodule(path)
        delta = low.scale * low.up @ low.down
        module.weight += delta.T if isinstance(module, Conv1D) else delta
    return model
