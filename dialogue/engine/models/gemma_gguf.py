"""Turns Gemma 3 as a GGUF file has it into what transformers reads: weights, configuration, vocabulary.

transformers can do so itself, to the same bits, but takes 45 s: its reader is slow on large vocabularies.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from dialogue.engine.models.gguf_file import GgufFile

_NORMAL, _CONTROL, _BYTE = 1, 3, 6  # Types of tokens in a GGUF file.
_FULL_ATTENTION_EVERY = 6  # Source: Gemma 3 technical report, section 2: five local layers, one global.
_LOCAL_ROPE_THETA = 10_000.0  # Ibid.; GGUF files hold the global one alone.

_BLOCK = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_q_norm": "self_attn.q_norm",
    "attn_k_norm": "self_attn.k_norm",
    "attn_output": "self_attn.o_proj",
    "post_attention_norm": "post_attention_layernorm",
    "ffn_norm": "pre_feedforward_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
    "post_ffw_norm": "post_feedforward_layernorm",
}


def weights(gguf: GgufFile, progress: Callable[[float], None]) -> dict[str, torch.Tensor]:
    """Return the weights in bfloat16 under the names of transformers; the output layer is tied to the input's.

    Args:
        progress: takes how much is done, from 0 to 1.
    """
    converted: dict[str, torch.Tensor] = {}
    done, total = 0, sum(math.prod(shape) for shape in gguf.shapes.values())
    for name, shape in gguf.shapes.items():
        weight = torch.empty(shape, dtype=torch.bfloat16)
        rows = weight.view(-1, shape[-1])
        start = 0
        for block in gguf.rows(name):
            # GGUF files hold the factor that a norm multiplies with, transformers holds it less one.
            rows[start : start + len(block)] = torch.from_numpy(block - 1 if "norm" in name else block)
            start += len(block)
            done += block.size
            progress(done / total)
        converted[_name(name)] = weight
    return converted


def config(metadata: dict[str, Any]) -> dict[str, Any]:
    """Return the content of `config.json`."""

    def given(key: str) -> Any:
        return metadata[f"gemma3.{key}"]

    layers = given("block_count")
    return {
        "architectures": ["Gemma3ForCausalLM"],
        "model_type": "gemma3_text",
        "dtype": "bfloat16",
        "vocab_size": len(metadata["tokenizer.ggml.tokens"]),
        "hidden_size": given("embedding_length"),
        "intermediate_size": given("feed_forward_length"),
        "num_hidden_layers": layers,
        "num_attention_heads": given("attention.head_count"),
        "num_key_value_heads": given("attention.head_count_kv"),
        "head_dim": given("attention.key_length"),
        "query_pre_attn_scalar": given("attention.key_length"),
        "max_position_embeddings": given("context_length"),
        "rms_norm_eps": given("attention.layer_norm_rms_epsilon"),
        "sliding_window": given("attention.sliding_window"),
        "layer_types": [
            "sliding_attention" if (layer + 1) % _FULL_ATTENTION_EVERY else "full_attention" for layer in range(layers)
        ],
        "rope_parameters": {
            "full_attention": {"rope_type": "default", "rope_theta": given("rope.freq_base")},
            "sliding_attention": {"rope_type": "default", "rope_theta": _LOCAL_ROPE_THETA},
        },
        "tie_word_embeddings": True,
        **special_tokens(metadata),
    }


def special_tokens(metadata: dict[str, Any]) -> dict[str, int]:
    """Return the ids of the special tokens, by the names of transformers."""
    return {
        f"{short}_token_id": metadata[f"tokenizer.ggml.{long}_token_id"]
        for short, long in (("bos", "bos"), ("eos", "eos"), ("pad", "padding"))
    }


def tokenizer(metadata: dict[str, Any]) -> Tokenizer:
    """Return the vocabulary; for every text it gives the tokens that the original gives."""
    kinds = metadata["tokenizer.ggml.token_type"]
    # Words of several spaces are stored with real ones, all others with the mark that stands for a space.
    words = [word.replace(" ", "▁") if word.isspace() else word for word in metadata["tokenizer.ggml.tokens"]]
    vocabulary = {word: index for index, word in enumerate(words)}
    opening = metadata["tokenizer.ggml.bos_token_id"]
    unknown = words[metadata["tokenizer.ggml.unknown_token_id"]]
    converted = Tokenizer(
        models.BPE(vocab=vocabulary, merges=_merges(vocabulary), unk_token=unknown, fuse_unk=True, byte_fallback=True)
    )
    converted.normalizer = normalizers.Replace(" ", "▁")
    converted.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    converted.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    converted.post_processor = processors.TemplateProcessing(
        single="<bos> $A", pair="<bos> $A <bos> $B", special_tokens=[("<bos>", opening)]
    )
    converted.add_special_tokens(
        [
            AddedToken(word, normalized=False, special=True)
            for word, kind in zip(words, kinds, strict=True)
            if kind == _CONTROL
        ]
    )
    converted.add_tokens(
        [
            AddedToken(word, normalized=False)
            for word, kind in zip(words, kinds, strict=True)
            if kind not in (_NORMAL, _CONTROL, _BYTE) and not word.startswith("▁")  # Spaces are joined by merges.
        ]
    )
    return converted


def _name(name: str) -> str:
    """Translate a GGUF file's name of a weight into that of transformers."""
    top = {"token_embd.weight": "model.embed_tokens.weight", "output_norm.weight": "model.norm.weight"}
    if name in top:
        return top[name]
    _, layer, part, kind = name.split(".")
    return f"model.layers.{layer}.{_BLOCK[part]}.{kind}"


def _merges(vocabulary: dict[str, int]) -> list[tuple[str, str]]:
    """Return how words come about from two shorter ones, the earliest words first.

    The file lists none, but Gemma's vocabulary is ordered as its merges are: every way to cut a word into two words is
    one of them, the longest left part first.
    """
    return [
        (word[:cut], word[cut:])
        for word in vocabulary
        for cut in range(len(word) - 1, 0, -1)
        if word[:cut] in vocabulary and word[cut:] in vocabulary
    ]
