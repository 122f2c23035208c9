"""Loads a causal language model from a local folder or from the Hugging Face hub: safetensors only, no foreign code."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dialogue.engine.vocabulary import Vocabulary
from dialogue.errors import ModelRefused

if TYPE_CHECKING:
    import torch

    from dialogue.engine.models.adapters import Rack

PRECISIONS = ("auto", "int8", "bf16", "fp32")

# A row of the cache: a seed, some twenty turns and a reply. Longer rows cost memory for every slot, and the Russian
# models that people bring (ruGPT-3) were trained on no more.
ROW_TOKENS = 2048

PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.pickle", "*.msgpack", "*.h5")

INSTEAD = (
    "Use a model of the Gemma, Llama, Mistral, Qwen or GPT-2 kind, or serve this one with vLLM or llama.cpp and set "
    "GOVORUN_MODEL=https://host/v1"
)

_DOWNLOADED = ("*.safetensors", "*.json", "*.txt", "*.model")
_HUB_ID = re.compile(r"[\w-][\w.-]*(/[\w-][\w.-]*)?")


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model in memory, with what an engine needs to know of it.

    Args:
        model: a causal language model of transformers, on its device.
        device: the kind of device, `cpu` or `cuda`.
        context_tokens: the most tokens that prompt and new text may have together.
        precision: in what its weights are multiplied: `int8`, `bf16` or `fp32`.
        dtype: that in which everything else is computed, and keys and values are kept.
        rack: its adapters.
        bytes_per_token: what the keys and values of one token take.
    """

    model: Any
    vocabulary: Vocabulary
    name: str
    revision: str
    device: str
    context_tokens: int
    precision: str
    dtype: torch.dtype
    rack: Rack
    bytes_per_token: int


def load_named(model: str, device: str, precision: str = "auto") -> LoadedModel:
    """Load a model by its folder or by its id on the Hugging Face hub.

    Raises:
        ModelRefused: there is no such model, or it may not be loaded; the text says what to use instead.
    """
    folder, name, revision = locate(model)
    return load(folder, device, name, revision, precision)


def locate(model: str) -> tuple[Path, str, str | None]:
    """Return the folder of a model, what it is called, and its revision where it comes from the hub.

    Raises:
        ModelRefused: there is no such model.
    """
    folder = Path(model).expanduser()
    if folder.is_dir():
        return folder, folder.resolve().name, None
    snapshot = download(model)
    return snapshot, model, snapshot.name


def load(folder: Path, device: str, name: str, revision: str | None = None, precision: str = "auto") -> LoadedModel:
    """Load the model that lies in a folder; the network is not used.

    Args:
        device: `auto`, or as torch names it: `cpu`, `cuda`, `cuda:1`.
        revision: what is known of the weights' origin; None to take the hash of the files.
        precision: one of `PRECISIONS`; `auto` for the fastest that the device computes.

    Raises:
        ModelRefused: the folder holds pickles instead of safetensors, wants code of its own to be run, holds nothing
            that transformers can load, or the device does not compute in this precision.
    """
    check_folder(folder)
    import torch
    import transformers

    from dialogue.engine.models.fitness import check_fitness

    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    precision = _checked_precision(precision, torch.device(device))
    transformers.utils.logging.disable_progress_bar()
    with ThreadPoolExecutor(max_workers=2) as threads:
        # Both leave the interpreter free for most of their time; a vocabulary of 262,144 words takes two seconds.
        tokenizer = threads.submit(load_tokenizer, folder)
        hashed = threads.submit(hash_files, folder) if revision is None else None
        model = _or_refuse(folder, lambda: _load_model(folder, torch.device(device), precision))
        check_fitness(model, name)
        ends = ends_of(model)
        rack = prepared(model, precision)
        dtype = torch.bfloat16 if precision == "bf16" else torch.float32
        return LoadedModel(
            model=model,
            vocabulary=Vocabulary(_or_refuse(folder, tokenizer.result), ends),
            name=name,
            revision=hashed.result() if hashed else str(revision),
            device=torch.device(device).type,
            context_tokens=min(
                getattr(model.config.get_text_config(), "max_position_embeddings", None) or ROW_TOKENS, ROW_TOKENS
            ),
            precision=precision,
            dtype=dtype,
            rack=rack,
            bytes_per_token=bytes_per_token(model, dtype),
        )


def prepared(model: Any, precision: str) -> Rack:
    """Make a model quick and adaptable, in place: one operation for several or, for `int8`, narrow weights.

    Returns:
        The rack of its adapters.
    """
    import torch

    from dialogue.engine.models import adapters, fused

    if precision != "int8":
        fused.fuse(model)
        return adapters.install(model)
    from dialogue.engine.models import int8

    rack = adapters.Rack(torch.float32, torch.device("cpu"))
    int8.quantise(model, rack)
    return rack


def bytes_per_token(model: Any, dtype: torch.dtype) -> int:
    """Find out what the keys and values of a token take, by reading two."""
    import torch

    from dialogue.engine.slots.slot_model import SlotModel

    probe = SlotModel(model, slots=1, row_tokens=2, cache_dtype=dtype)
    with torch.inference_mode():
        probe.read(0, [0], [[0, 1]])
    return probe.bytes_per_token


def check_folder(folder: Path) -> None:
    """Refuse a folder from which foreign code could be run.

    Raises:
        ModelRefused: the text says what to use instead.
    """
    if not (folder / "config.json").is_file():
        raise ModelRefused(f"{folder} has no config.json: it is not a model of transformers")
    for name in ("config.json", "tokenizer_config.json", "generation_config.json"):
        if (folder / name).is_file() and "auto_map" in _read_json(folder / name):
            raise ModelRefused(
                f"{folder / name} has `auto_map`: the model brings Python code of its own, which is never run here. "
                f"Use a model whose architecture is part of transformers"
            )
    weights = [path.name for path in folder.glob("*.safetensors")]
    for index in folder.glob("*.safetensors.index.json"):
        weights += [str(name) for name in _read_json(index).get("weight_map", {}).values()]
    pickles = [path.name for pattern in PICKLES for path in folder.glob(pattern)]
    if not weights or any(Path(name).name != name or not name.endswith(".safetensors") for name in weights):
        raise ModelRefused(
            f"{folder} has {', '.join(sorted(pickles)) or 'no weights'} and no safetensors. A pickle can run any code "
            f"when it is loaded, so it is not: use a safetensors copy of the model (most have one on the hub, and "
            f"`model.save_pretrained` writes one), or serve it elsewhere and set GOVORUN_MODEL=https://host/v1"
        )


def hash_files(folder: Path) -> str:
    """Return a hash over everything that decides what the model writes: weights, configuration, vocabulary."""
    digest = hashlib.sha256()
    for path in sorted(path for kind in ("*.safetensors", "*.json") for path in folder.glob(kind)):
        digest.update(path.name.encode())
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return f"sha256:{digest.hexdigest()[:16]}"


def download(model: str) -> Path:
    """Return the folder of a model of the hub; it is named after the model's commit.

    Raises:
        ModelRefused: there is none of this name, or it is not given.
    """
    if not _HUB_ID.fullmatch(model):
        raise ModelRefused(f"{model!r} is no folder, and not the name of a model on the Hugging Face hub")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError

    try:
        # Pickles are not even downloaded, nor are further copies of the weights in subfolders.
        return Path(snapshot_download(model, allow_patterns=list(_DOWNLOADED), ignore_patterns=["*/*"]))
    except (OSError, HFValidationError) as error:
        raise ModelRefused(
            f"{model!r} is no folder, and the Hugging Face hub does not give it: {_first_line(error)}. Check the name; "
            f"for a gated model accept its licence there and set HF_TOKEN"
        ) from error


def _load_model(folder: Path, device: torch.device, precision: str) -> Any:
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(
        folder,
        # Weights that are to be rounded to 8 bits come as they are stored.
        dtype={"int8": "auto", "bf16": torch.bfloat16, "fp32": torch.float32}[precision],
        attn_implementation="sdpa",  # It takes the masks of `slots`.
        use_safetensors=True,
        trust_remote_code=False,
        local_files_only=True,
    )
    return model.to(device).eval()


def load_tokenizer(folder: Path) -> Any:
    from tokenizers import Tokenizer

    path = folder / "tokenizer.json"
    if path.is_file():
        # Directly: transformers' own class around it takes twice as long and is not needed.
        return Tokenizer.from_file(str(path))
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True).backend_tokenizer


def _checked_precision(precision: str, device: torch.device) -> str:
    """Return the precision, the fastest for `auto`; raise `ModelRefused` where the device does not compute in it."""
    from dialogue.engine.models.projections import int8_is_fast

    able = [
        *(["int8"] if device.type == "cpu" and int8_is_fast() else []),
        *(["bf16"] if computes_bf16(device) else []),
        "fp32",
    ]
    if precision == "auto":
        return able[0]
    if precision not in able:
        raise ModelRefused(
            f"this {device.type} does not compute in {precision}, but in {' and '.join(able)}: set GOVORUN_PRECISION "
            f"to one of these, or leave it unset"
        )
    return precision


def computes_bf16(device: torch.device) -> bool:
    """Say whether the device multiplies bfloat16 itself; a CPU that has to convert is faster with float32."""
    import torch

    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    able = torch.cpu.get_capabilities()
    return any(able.get(name, False) for name in ("amx_bf16", "avx512_bf16", "bf16"))


def ends_of(model: Any) -> frozenset[int]:
    """Return the tokens with which a model ends its text; configurations give one, several or none."""
    ends: set[int] = set()
    for config in (model.generation_config, model.config.get_text_config()):
        given = getattr(config, "eos_token_id", None)
        ends.update(given if isinstance(given, list) else [] if given is None else [given])
    return frozenset(ends)


def _or_refuse(folder: Path, loaded: Callable[[], Any]) -> Any:
    try:
        return loaded()
    except Exception as error:  # transformers raises nearly everything: OSError, KeyError, ImportError ...
        raise ModelRefused(
            f"the model in {folder} cannot be loaded: {type(error).__name__}: {_first_line(error)}. {INSTEAD}"
        ) from error


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except ValueError as error:
        raise ModelRefused(f"{path} is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise ModelRefused(f"{path} is not a JSON object")
    return content


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0].rstrip(".")
