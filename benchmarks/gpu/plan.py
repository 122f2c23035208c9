"""What is measured: the shape of the model, how many dialogues, how long they are, and what everybody continues."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoConfig, AutoModelForCausalLM

TEMPERATURE, TOP_K, TOP_P = 0.7, 40, 0.9

# Whatever takes longer is measured less often, so that all of it takes minutes.
_ENOUGH_S = 15.0


@dataclass(frozen=True, slots=True)
class Plan:
    """Sizes of a run.

    Args:
        shape: of a GPT-2.
        dialogues: how many are written at the same time, one after the other.
        context_tokens: what a dialogue has behind it, on average, while it is written.
        short, long: how many tokens are written; what the long one takes more is the time of writing alone.
        room_tokens: what a dialogue may come to.
        seed_tokens, said_tokens, reply_tokens, turns: of the dialogues in which people and the bot take turns.
        repetitions: how often each is measured, at most.
    """

    shape: Mapping[str, int]
    dialogues: tuple[int, ...]
    context_tokens: int
    short: int
    long: int
    room_tokens: int
    seed_tokens: int
    said_tokens: int
    reply_tokens: int
    turns: int
    repetitions: int

    @property
    def prompt_tokens(self) -> int:
        """How long a prompt is."""
        return self.context_tokens - (self.short + self.long) // 2

    @property
    def words(self) -> int:
        """How many words the vocabulary has."""
        return self.shape["vocab_size"]


# ruGPT-3 Large. Source: https://huggingface.co/ai-forever/rugpt3large_based_on_gpt2/blob/main/config.json
LARGE = Plan(
    shape={"vocab_size": 50_264, "n_positions": 2048, "n_embd": 1536, "n_layer": 24, "n_head": 16},
    dialogues=(1, 32, 256),
    context_tokens=600,
    short=32,
    long=96,
    room_tokens=768,
    seed_tokens=300,
    said_tokens=20,
    reply_tokens=30,
    turns=4,
    repetitions=3,
)

TINY = Plan(
    shape={"vocab_size": 320, "n_positions": 256, "n_embd": 64, "n_layer": 2, "n_head": 4},
    dialogues=(1, 3),
    context_tokens=40,
    short=2,
    long=34,
    room_tokens=128,
    seed_tokens=30,
    said_tokens=4,
    reply_tokens=4,
    turns=2,
    repetitions=1,
)


def save_random_model(plan: Plan, folder: Path, device: torch.device, dtype: torch.dtype) -> None:
    """Write a model of random weights into a folder, with a vocabulary in which every word is a token."""
    config = AutoConfig.for_model("gpt2", **plan.shape, bos_token_id=0, eos_token_id=0)
    torch.manual_seed(1)
    with device:  # A GPU draws a billion numbers at once.
        AutoModelForCausalLM.from_config(config, dtype=dtype).save_pretrained(folder)
    tokenizer = Tokenizer(models.WordLevel({_word(number): number for number in range(plan.words)}, unk_token=_word(0)))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.save(str(folder / "tokenizer.json"))


def text_of(tokens: list[int]) -> str:
    """Return the text whose tokens these are."""
    return " ".join(map(_word, tokens))


def prompts(plan: Plan, count: int, chance: random.Random) -> list[list[int]]:
    """Return the tokens of so many prompts; no two begin alike."""
    beginnings = chance.sample(range(plan.words), count)
    return [[first, *chance.choices(range(plan.words), k=plan.prompt_tokens - 1)] for first in beginnings]


def repetitions(plan: Plan) -> Iterator[int]:
    """Count the repetitions of a measurement, until there are enough of them or they have taken long enough."""
    began = time.monotonic()
    for number in range(plan.repetitions):
        if number and time.monotonic() - began > _ENOUGH_S:
            return
        yield number


def sampling() -> dict[str, Any]:
    """Return how everybody draws, in the words of transformers."""
    return {"do_sample": True, "temperature": TEMPERATURE, "top_k": TOP_K, "top_p": TOP_P, "pad_token_id": 0}


def _word(number: int) -> str:
    return f"w{number}"
