"""What transformers itself writes: `generate()`, one dialogue after the other or padded to a batch, and continuous
batching."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any

import torch
from transformers import GenerationConfig
from transformers.generation.configuration_utils import ContinuousBatchingConfig
from transformers.generation.continuous_batching.utils import WorkloadHints

from benchmarks.gpu.plan import Plan, prompts, repetitions, sampling

_PATIENCE_S = 300.0


def generate_tok_s(model: Any, plan: Plan, dialogues: int) -> list[float]:
    """Return the tokens per second of so many dialogues, all of the same length, in one call of `generate()`."""
    chance = random.Random(dialogues)

    @torch.inference_mode()
    def took_s(new_tokens: int) -> float:
        tokens = torch.tensor(prompts(plan, dialogues, chance), device=model.device)
        began = time.perf_counter()
        written = model.generate(
            tokens,
            attention_mask=torch.ones_like(tokens),
            max_new_tokens=new_tokens,
            eos_token_id=None,
            **sampling(),
        ).tolist()  # Waits until the GPU is done.
        took = time.perf_counter() - began
        assert len(written[0]) == plan.prompt_tokens + new_tokens
        return took

    took_s(plan.short)
    return [_writing_tok_s(plan, dialogues, took_s) for _ in repetitions(plan)]


def continuous_batching_tok_s(model: Any, plan: Plan, dialogues: int) -> list[float]:
    """Return the tokens per second of so many dialogues that continuous batching is given at once."""
    chance = random.Random(dialogues)
    manager_of = model.continuous_batching_context_manager(
        generation_config=GenerationConfig(eos_token_id=-1, max_new_tokens=plan.long, **sampling()),
        continuous_batching_config=_room(model.device),
        workload_hints=WorkloadHints(
            max_prompt_length=plan.prompt_tokens, max_generated_length=plan.long, num_requests=dialogues
        ),
    )
    with manager_of as manager:

        def took_s(new_tokens: int) -> float:
            asked = prompts(plan, dialogues, chance)
            began = time.perf_counter()
            manager.add_requests(asked, max_new_tokens=new_tokens)
            written = [len(_result(manager).generated_tokens) for _ in asked]
            took = time.perf_counter() - began
            assert written == [new_tokens] * dialogues
            return took

        took_s(plan.short)
        return [_writing_tok_s(plan, dialogues, took_s) for _ in repetitions(plan)]


def _writing_tok_s(plan: Plan, dialogues: int, took_s: Callable[[int], float]) -> float:
    short_s, long_s = took_s(plan.short), took_s(plan.long)
    return dialogues * (plan.long - plan.short) / (long_s - short_s)


def _room(device: torch.device) -> ContinuousBatchingConfig:
    # On a GPU it knows best. On a CPU it would take most of the memory.
    return (
        ContinuousBatchingConfig()
        if device.type == "cuda"
        else ContinuousBatchingConfig(num_blocks=16, max_batch_tokens=256)
    )


def _result(manager: Any) -> Any:
    """Return the next text that is finished.

    Raises:
        RuntimeError: there is none any more.
    """
    deadline = time.monotonic() + _PATIENCE_S
    while manager.is_running() and time.monotonic() < deadline:
        result = manager.get_result(timeout=1.0)
        if result is not None and result.is_finished():
            if result.error is not None:
                raise RuntimeError(f"continuous batching failed: {result.error}")
            return result
    raise RuntimeError("continuous batching has ended, or writes nothing any more")
