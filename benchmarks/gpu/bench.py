"""Lets everybody measure in turn, and makes rows of it."""

from __future__ import annotations

import asyncio
import gc
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM
from transformers.utils import logging as transformers_logging

from benchmarks.gpu import peers, roofline, slot_engine
from benchmarks.gpu.plan import Plan, save_random_model
from benchmarks.results import Row, summary
from dialogue.engine.models import loading

_FIGURES = (
    "engine_tok_s",
    "generate_tok_s",
    "generate_batch_tok_s",
    "transformers_cb_tok_s",
    "turns_per_s",
    "turns_per_s_without_reuse",
)

Samples = dict[str, list[float]]


class Bench:
    """Measures on one device; each has it for himself, as everybody would fill its memory.

    Args:
        folder: where the model is put.
        say: takes what is done next.
    """

    def __init__(self, plan: Plan, device: torch.device, folder: Path, say: Callable[[str], None]) -> None:
        self._plan = plan
        self._device = device
        self._folder = folder
        self._say = say
        self._precision, self._dtype = ("bf16", torch.bfloat16) if device.type == "cuda" else ("fp32", torch.float32)
        self.failures: list[str] = []

    def rows(self) -> Iterator[Row]:
        """Yield a row for each number of dialogues."""
        transformers_logging.set_verbosity_error()
        transformers_logging.disable_progress_bar()
        self._say("writing the weights")
        save_random_model(self._plan, self._folder, self._device, self._dtype)
        model = self._model()
        weight_bytes, key_bytes = roofline.weight_bytes(model), roofline.key_bytes(model)
        del model
        bandwidth_gb_s = roofline.bandwidth_gb_s(self._device)
        for dialogues in self._plan.dialogues:
            samples = self._samples(dialogues)
            bytes_per_step = weight_bytes + dialogues * self._plan.context_tokens * key_bytes
            floor_s = bytes_per_step / (bandwidth_gb_s * 1e9)
            samples["roofline_share"] = [floor_s * tok_s / dialogues for tok_s in samples["engine_tok_s"]]
            facts = {
                "bytes_per_step": bytes_per_step,
                "bandwidth_gb_s": round(bandwidth_gb_s, 1),
                "context_tokens": self._plan.context_tokens,
                "precision": self._precision,
            }
            yield {"dialogues": dialogues} | row(samples) | facts

    def _samples(self, dialogues: int) -> Samples:
        # Ours first: a peer that fails may leave the GPU unfit for anybody else.
        contestants: Mapping[str, Callable[[int], Samples]] = {
            "the engine": self._engine,
            "generate()": self._generate,
            "continuous batching": self._continuous_batching,
        }
        samples: Samples = {name: [] for name in _FIGURES}
        for name, measured in contestants.items():
            self._say(f"dialogues: {dialogues}, {name}")
            try:
                samples |= measured(dialogues)
            except Exception as error:  # The others are measured still.
                self.failures.append(f"{name} with {dialogues} dialogues: {type(error).__name__}: {error}")
            # Models and managers refer to themselves, and the next one needs their memory.
            gc.collect()
            if self._device.type == "cuda":
                torch.cuda.empty_cache()
        return samples

    def _engine(self, dialogues: int) -> Samples:
        loaded = loading.load(self._folder, str(self._device), "random", "1", self._precision)
        loaded.vocabulary.ends = frozenset()  # Everybody writes the same number of tokens.
        loaded = replace(loaded, context_tokens=self._plan.room_tokens)
        return asyncio.run(slot_engine.measure(loaded, self._plan, dialogues))

    def _generate(self, dialogues: int) -> Samples:
        model = self._model()
        return {
            "generate_tok_s": peers.generate_tok_s(model, self._plan, 1),
            "generate_batch_tok_s": peers.generate_tok_s(model, self._plan, dialogues),
        }

    def _continuous_batching(self, dialogues: int) -> Samples:
        return {"transformers_cb_tok_s": peers.continuous_batching_tok_s(self._model(), self._plan, dialogues)}

    def _model(self) -> Any:
        return AutoModelForCausalLM.from_pretrained(self._folder, dtype=self._dtype).to(self._device).eval()


def row(samples: Mapping[str, Sequence[float]]) -> Row:
    """Return medians and ranges, null for what could not be measured, and what some medians are of others."""
    found = {name: values for name, values in samples.items() if values}

    def ratio(one: str, other: str) -> float | None:
        if one not in found or other not in found:
            return None
        return round(statistics.median(found[one]) / statistics.median(found[other]), 2)

    return {
        **dict.fromkeys(samples),
        **summary(found, digits=3),
        "over_generate": ratio("engine_tok_s", "generate_tok_s"),
        "over_transformers_cb": ratio("engine_tok_s", "transformers_cb_tok_s"),
        "turns_per_s_ratio": ratio("turns_per_s", "turns_per_s_without_reuse"),
    }
