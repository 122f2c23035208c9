"""Held-out dialogues in which something is said, and models that read them."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from dialogue.engine.models.adapters import adaptable, install
from dialogue.engine.models.loading import LoadedModel
from dialogue.learning.held_out import Approved, HeldOut
from dialogue.learning.sides import Side, completion_for, prompt_for
from dialogue.seeds import Seed
from dialogue.turns import Dialogue, Sampling, Speaker
from tests.dialogue.engine.random_adapters import key, sizes
from tests.dialogue.engine.tiny import loaded, tiny_model
from tests.fakes import SEED

SHORT = replace(SEED, sampling=Sampling(temperature=1.0, max_new_tokens=6))


def held_out(*lines: str, seed: Seed = SHORT) -> HeldOut:
    """Return a dialogue of which every second line is an approved reply."""
    history, replies = Dialogue(), []
    for number, line in enumerate(lines):
        if number % 2:
            replies.append(Approved(history, line, seed))
        history = history.then(Speaker.BOT if number % 2 else Speaker.PERSON, line)
    return HeldOut(tuple(replies))


def some_dialogues(many: int = 6, seed: Seed = SHORT) -> list[HeldOut]:
    """Return dialogues that differ, and are answered alike."""
    return [
        held_out(f"hello {n}", "What is the trouble?", f"internet {n}", "Hello! Hello!", seed=seed) for n in range(many)
    ]


def a_model(kind: str = "llama", context_tokens: int = 512) -> LoadedModel:
    """Return a tiny model that takes adapters."""
    model = copy.deepcopy(tiny_model(kind))
    return replace(loaded(model, context_tokens=context_tokens), rack=install(model))


def write_learned_adapter(folder: Path, dialogues: list[HeldOut], steps: int = 12) -> Path:
    """Train a LoRA adapter of the tiny llama on the replies, and write it as PEFT does."""
    model = copy.deepcopy(tiny_model("llama")).requires_grad_(False)
    vocabulary = loaded(model).vocabulary
    chance = torch.Generator().manual_seed(1)
    tensors: dict[str, Any] = {}
    for path, module in adaptable(model).items():
        size_in, size_out = sizes(module)
        down = (torch.randn(4, size_in, generator=chance) / 8).requires_grad_()
        up = torch.zeros(size_out, 4).requires_grad_()
        tensors |= {key(path, "A"): down, key(path, "B"): up}
        module.register_forward_hook(lambda _, x, y, down=down, up=up: y + x[0] @ down.T @ up.T)
    texts = []
    for reply in (reply for dialogue in dialogues for reply in dialogue.replies):
        prompt = prompt_for(reply, Side(), 512, 8, len)
        texts.append((len(vocabulary.encode(prompt)), vocabulary.encode(prompt + completion_for(reply, Side()))))
    optimizer = torch.optim.Adam(tensors.values(), lr=0.02)
    for _ in range(steps):
        optimizer.zero_grad()
        for start, tokens in texts:
            logits = model(torch.tensor([tokens])).logits[0, start - 1 : -1]
            loss = torch.nn.functional.cross_entropy(logits, torch.tensor(tokens[start:]))
            torch.autograd.backward(loss)
        optimizer.step()
    folder.mkdir()
    save_file({name: each.detach() for name, each in tensors.items()}, folder / "adapter_model.safetensors")
    config = {"peft_type": "LORA", "r": 4, "lora_alpha": 4, "bias": "none"}
    (folder / "adapter_config.json").write_text(json.dumps(config))
    return folder
