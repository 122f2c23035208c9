"""Reads a LoRA adapter as PEFT writes it: safetensors only, and nothing that would be served inexactly."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from dialogue.engine.models.loading import PICKLES
from dialogue.errors import ModelRefused

CONFIG = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"

INSTEAD = (
    "Train a plain LoRA adapter, or merge this one into its model (`merge_and_unload` of PEFT) and serve the result as "
    "a model of its own"
)

# Settings that say what is added to which weights, with the values whose meaning is `scale * up @ down` added to the
# base model as published. PiSSA, OLoRA, CorDA, LoftQ and LoRA-GA train beside base weights that they alter first.
# Source: https://github.com/huggingface/peft/blob/v0.20.0/src/peft/tuners/lora/config.py
_ACCEPTED: dict[str, tuple[object, ...]] = {
    "peft_type": ("LORA",),
    "bias": ("none", None),
    "init_lora_weights": (True, False, "gaussian", "eva", "orthogonal", None),
}
# Further variants of LoRA; each of them is off where its setting is absent, null, false or empty.
_TO_BE_OFF = (
    "use_dora",
    "use_qalora",
    "use_bdlora",
    "lora_bias",
    "modules_to_save",
    "trainable_token_indices",
    "target_parameters",
    "layer_replication",
    "alora_invocation_tokens",
    "arrow_config",
    "monteclora_config",
)
_KEY = re.compile(r"base_model\.model\.(.+)\.lora_([AB])\.weight")
_MOST = torch.finfo(torch.float32).max
_DTYPES = (torch.float32, torch.bfloat16, torch.float16)


@dataclass(frozen=True, slots=True, eq=False)
class LowRank:
    """What an adapter adds to the weight of one projection: `scale * up @ down`.

    Args:
        down: (rank, in), `lora_A` of PEFT.
        up: (out, rank), `lora_B` of PEFT.
    """

    down: Tensor
    up: Tensor
    scale: float


@dataclass(frozen=True, slots=True, eq=False)
class Adapter:
    """A LoRA adapter in memory, on the CPU, in the dtype of its file.

    Args:
        matrices: by the path of the module in the model, such as `model.layers.0.self_attn.q_proj`.
        base_model: beside which model it was trained, in its maker's words; empty where they are missing.
        revision: a hash over configuration and weights.
    """

    matrices: Mapping[str, LowRank]
    base_model: str
    revision: str


def read_adapter(folder: Path) -> Adapter:
    """Read the adapter that lies in a folder.

    Raises:
        ModelRefused: it is none of PEFT's, it holds pickles instead of safetensors, or it is of a kind that is not
            served; the text names file, key and value, and what is accepted.
    """
    _check_files(folder)
    contents = [(folder / name).read_bytes() for name in (CONFIG, WEIGHTS)]
    config = _Config(folder / CONFIG, contents[0])
    return Adapter(
        matrices=_read_matrices(folder / WEIGHTS, contents[1], config),
        base_model=config.base_model,
        revision=_hash(contents),
    )


class _Config:
    """A configuration whose settings are all served."""

    def __init__(self, path: Path, content: bytes) -> None:
        self._path = path
        self._settings = self._read(content)
        for key, accepted in _ACCEPTED.items():
            if self._settings.get(key) not in accepted:
                raise self._refusal(key, " or ".join(repr(each) for each in accepted if each is not None))
        for key in _TO_BE_OFF:
            if self._settings.get(key):
                raise self._refusal(key, "null, false or empty")
        self.base_model = str(self._settings.get("base_model_name_or_path") or "")

    def rank(self, module: str) -> int:
        """Return the rank that a module's matrices must have."""
        key, rank = self._value("r", "rank_pattern", 8, module)
        if not isinstance(rank, int) or isinstance(rank, bool) or rank < 1:
            raise self._refusal(key, "whole numbers from 1")
        return rank

    def scale(self, module: str) -> float:
        """Return by what a module's matrices are multiplied.

        Source: https://arxiv.org/abs/2106.09685, section 4.1; with `use_rslora` https://arxiv.org/abs/2312.03732
        """
        key, alpha = self._value("lora_alpha", "alpha_pattern", 8, module)
        if not isinstance(alpha, int | float) or isinstance(alpha, bool) or not abs(alpha) <= _MOST:
            raise self._refusal(key, "finite numbers")
        rank = self.rank(module)
        return alpha / (math.sqrt(rank) if self._settings.get("use_rslora") else rank)

    def _read(self, content: bytes) -> dict[str, Any]:
        try:
            settings = json.loads(content)
        except ValueError as error:
            raise ModelRefused(f"{self._path} is not JSON: {error}") from error
        if not isinstance(settings, dict):
            raise ModelRefused(f"{self._path} is not a JSON object")
        return settings

    def _value(self, key: str, patterns_key: str, default: int, module: str) -> tuple[str, Any]:
        """Return a module's value of a setting, and under which key it stands.

        A pattern is a regular expression for the end of the module's path; the first one counts.
        Source: https://github.com/huggingface/peft/blob/v0.20.0/src/peft/utils/other.py, `get_pattern_key`
        """
        patterns = self._settings.get(patterns_key) or {}
        if not isinstance(patterns, dict):
            raise self._refusal(patterns_key, "an object of patterns and numbers")
        for pattern, value in patterns.items():
            try:
                if re.match(rf"(.*\.)?({pattern})$", module):
                    return patterns_key, value
            except re.error as error:
                raise self._refusal(patterns_key, f"regular expressions ({error})") from error
        return key, self._settings.get(key, default)

    def _refusal(self, key: str, accepted: str) -> ModelRefused:
        value = self._settings.get(key)
        return ModelRefused(f"{self._path}: `{key}` is {value!r}, accepted is {accepted}. {INSTEAD}")


def _check_files(folder: Path) -> None:
    if not (folder / CONFIG).is_file():
        raise ModelRefused(f"{folder} has no {CONFIG}: it is not an adapter of PEFT")
    if not (folder / WEIGHTS).is_file():
        pickles = sorted(path.name for pattern in PICKLES for path in folder.glob(pattern))
        raise ModelRefused(
            f"{folder} has {', '.join(pickles) or 'no weights'} and no {WEIGHTS}. A pickle can run any code when it is "
            f"loaded, so it is not: use a safetensors copy of the adapter (`save_pretrained` of PEFT writes one)"
        )


def _read_matrices(path: Path, content: bytes, config: _Config) -> dict[str, LowRank]:
    try:
        tensors = load(content)
    except SafetensorError as error:
        raise ModelRefused(f"{path} is not a whole safetensors file: {error}") from error
    keys = sorted(tensors)  # The file gives them in any order; a refusal names the same one each time.
    for key in keys:
        _check_tensor(path, key, tensors[key])
    modules = dict.fromkeys(_KEY.sub(r"\1", key) for key in keys)
    if not modules:
        raise ModelRefused(f"{path} is empty: accepted is an adapter of at least one projection")
    return {module: _low_rank(path, tensors, module, config) for module in modules}


def _check_tensor(path: Path, key: str, tensor: Tensor) -> None:
    if not _KEY.fullmatch(key):
        raise ModelRefused(
            f"{path}: {key!r} is no matrix of a projection, accepted are base_model.model.<module>.lora_A.weight and "
            f"lora_B.weight. {INSTEAD}"
        )
    if tensor.dtype not in _DTYPES:
        names = ", ".join(str(dtype).removeprefix("torch.") for dtype in _DTYPES)
        raise ModelRefused(f"{path}: {key!r} is of {tensor.dtype}, accepted are {names}. {INSTEAD}")
    if not tensor.isfinite().all():
        raise ModelRefused(f"{path}: {key!r} has NaN or infinity in it, accepted are finite numbers: train it again")


def _low_rank(path: Path, tensors: Mapping[str, Tensor], module: str, config: _Config) -> LowRank:
    sides = [f"base_model.model.{module}.lora_{side}.weight" for side in "AB"]
    for key in sides:
        if key not in tensors:
            raise ModelRefused(f"{path}: {key!r} is missing, accepted are pairs of `lora_A` and `lora_B`")
    down, up = (tensors[key] for key in sides)
    rank = config.rank(module)
    if down.dim() != 2 or down.shape[0] != rank:
        raise ModelRefused(
            f"{path}: {sides[0]!r} is {tuple(down.shape)}, accepted is ({rank}, in) for a rank of {rank}"
        )
    if up.dim() != 2 or up.shape[1] != rank:
        raise ModelRefused(f"{path}: {sides[1]!r} is {tuple(up.shape)}, accepted is (out, {rank}) for a rank of {rank}")
    return LowRank(down, up, config.scale(module))


def _hash(contents: list[bytes]) -> str:
    digest = hashlib.sha256()
    for content in contents:
        digest.update(hashlib.sha256(content).digest())
    return f"sha256:{digest.hexdigest()[:16]}"
