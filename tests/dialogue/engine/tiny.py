"""Models of a few thousand random weights, and a tokenizer trained on the spot."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import AutoConfig, AutoModelForCausalLM

from dialogue.engine.models.adapters import Rack
from dialogue.engine.models.loading import LoadedModel
from dialogue.engine.vocabulary import Vocabulary
from dialogue.turns import Prompt, Sampling

WORDS = 320
END = 0  # <|endoftext|>
GREEDY = Sampling(temperature=0, max_new_tokens=12)
LIVELY = Sampling(temperature=1.0, top_k=50, top_p=0.95, max_new_tokens=12)

_SHAPE: dict[str, Any] = {
    "vocab_size": WORDS,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
    "initializer_range": 0.2,  # Ten times the usual, so that random models have opinions.
    "bos_token_id": END,
    "eos_token_id": END,
    "pad_token_id": END,
}
_GPT2_SHAPE: dict[str, Any] = {
    "vocab_size": WORDS,
    "n_embd": 64,
    "n_layer": 3,
    "n_head": 4,
    "n_positions": 512,
    "initializer_range": 0.2,
    "bos_token_id": END,
    "eos_token_id": END,
}
CONFIGS: dict[str, dict[str, Any]] = {
    "gpt2": _GPT2_SHAPE,
    "llama": _SHAPE,
    "qwen2": _SHAPE,
    "qwen3": {**_SHAPE, "head_dim": 16},
    "mistral": {**_SHAPE, "sliding_window": 16},
    "gemma3_text": {**_SHAPE, "head_dim": 16, "sliding_window": 16, "num_hidden_layers": 6},
}


@cache
def tiny_model(kind: str) -> Any:
    """Return a model of this kind with random weights, float32, the same ones every time."""
    torch.manual_seed(0)
    return random_model(kind, **CONFIGS[kind])


def random_model(kind: str, **config: Any) -> Any:
    """Return a model of this kind and shape with random weights."""
    return AutoModelForCausalLM.from_config(AutoConfig.for_model(kind, **config)).eval()


def loaded(model: Any, tokenizer: Tokenizer | None = None, context_tokens: int = 512) -> LoadedModel:
    """Return the model as `loading` would, in float32 and without adapters."""
    vocabulary = Vocabulary(tokenizer or tiny_tokenizer(), frozenset({END}))
    rack = Rack(torch.float32, torch.device("cpu"))
    dtype = torch.float32
    return LoadedModel(model, vocabulary, "tiny", "1", "cpu", context_tokens, "fp32", dtype, rack, bytes_per_token=1536)


def tiny_tokenizer(opening: bool = False, markers: Sequence[str] = ()) -> Tokenizer:
    """Return a byte-level tokenizer as GPT-2 has it.

    Args:
        opening: put <|endoftext|> in front of a text, as others do with their <bos>.
        markers: added tokens that are not flagged as special.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=WORDS,
        special_tokens=["<|endoftext|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    text = "User1: Здравствуйте, не работает интернет.\nUser2: Hello! What is the trouble with the internet?\n"
    tokenizer.train_from_iterator([text] * 3, trainer)
    tokenizer.add_tokens([AddedToken(marker, normalized=False) for marker in markers])
    if opening:
        tokenizer.post_processor = processors.TemplateProcessing(
            single="<|endoftext|> $A", special_tokens=[("<|endoftext|>", END)]
        )
    return tokenizer


def prompt(text: str, sampling: Sampling = GREEDY, draw: int = 0, stops: tuple[str, ...] = ()) -> Prompt:
    """Return a prompt; without stops the text ends by length or by <|endoftext|>."""
    return Prompt(text, stops, sampling, draw)
