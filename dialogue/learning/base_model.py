"""Finds and loads the model that is to learn: the embedded one, one of a folder, or one of the Hugging Face hub."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

from dialogue.engine.models import embedded, loading
from dialogue.engine.opening import EMBEDDED
from dialogue.engine.vocabulary import Vocabulary
from dialogue.errors import ModelRefused

Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Base:
    """A model on the disk.

    Args:
        folder: where its files lie.
        name: what it is called in the lineage of what is trained.
        revision: which weights these are.
    """

    folder: Path
    name: str
    revision: str


@dataclass(frozen=True, slots=True)
class Learner:
    """A model in memory, ready to learn.

    Args:
        tokenizer: for TRL; text is encoded by `vocabulary` alone.
    """

    model: Any
    vocabulary: Vocabulary
    tokenizer: Any
    device: str
    parameters: int


def find(model: str, data_dir: Path, progress: Progress) -> Base:
    """Return where a model lies; it is prepared or downloaded if need be.

    Raises:
        ModelRefused: there is no such model, or it may not be loaded.
    """
    if model == EMBEDDED:
        folder = embedded.prepare(data_dir, progress)
        return Base(folder, embedded.NAME, embedded.revision(folder))
    if "://" in model or model == "echo":
        raise ModelRefused(f"{model} cannot be trained here: give --model a folder or a model of the Hugging Face hub")
    folder, name, revision = loading.locate(model)
    loading.check_folder(folder)
    return Base(folder, name, revision or loading.hash_files(folder))


def load(base: Base, device: str, is_full: bool) -> Learner:
    """Load the model. Where only an adapter learns, its weights stay in bfloat16 if the device multiplies that.

    Raises:
        ModelRefused: transformers cannot load it.
    """
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    is_narrow = not is_full and loading.computes_bf16(torch.device(device))
    transformers.utils.logging.disable_progress_bar()
    try:
        model = AutoModelForCausalLM.from_pretrained(
            base.folder,
            dtype=torch.bfloat16 if is_narrow else torch.float32,
            attn_implementation="sdpa",
            use_safetensors=True,
            trust_remote_code=False,
            local_files_only=True,
        ).to(device)
        tokenizer = loading.load_tokenizer(base.folder)
    except (OSError, ValueError, KeyError, ImportError) as error:
        raise ModelRefused(f"the model in {base.folder} cannot be loaded: {error}") from error
    ends = loading.ends_of(model)
    end = tokenizer.id_to_token(min(ends, default=0))  # TRL insists on one.
    wrapped = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=end, pad_token=end)
    return Learner(
        model=model,
        vocabulary=Vocabulary(wrapped.backend_tokenizer, ends),
        tokenizer=wrapped,
        device=torch.device(device).type,
        parameters=sum(weights.numel() for weights in model.parameters()),
    )
