"""Turns a model into one with 8-bit weights, for CPUs: lean layers where they do the same, else layer by layer."""

from __future__ import annotations

import logging
from typing import Any

import torch
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from dialogue.engine.models.adapters import AdaptedProjection, Part, Rack, adaptable
from dialogue.engine.models.lean_layer import LeanLayer, LeanRotary, Project
from dialogue.engine.models.projections import FloatProjection, Int8Linear, Int8Projection
from dialogue.engine.slots.slot_cache import SlotCache

logger = logging.getLogger(__name__)

# How far a lean layer's output may be from the original's, as a share of its length. Measured in float32: 0.000002.
_TOLERANCE = 0.0001


def quantise(model: Any, rack: Rack) -> None:
    """Replace the model's matrices by 8-bit ones, in place; everything else computes in float32 from now on."""
    head = model.get_output_embeddings()
    model.set_output_embeddings(Int8Linear(head.weight, head.bias))
    embeddings = model.get_input_embeddings()
    if NarrowEmbedding.stands_for(embeddings):
        model.set_input_embeddings(NarrowEmbedding(embeddings))
    if not use_lean_layers(model, lambda matrix, parts: AdaptedProjection(Int8Projection(matrix), parts, rack)):
        _quantise_linears(model, rack)
    for module in model.modules():
        if not isinstance(module, NarrowEmbedding):
            for tensor in (*module.parameters(recurse=False), *module.buffers(recurse=False)):
                if tensor.is_floating_point():
                    tensor.data = tensor.data.float()


def is_lean(model: Any) -> bool:
    """Say whether the model's layers were replaced by lean ones."""
    return isinstance(getattr(model.base_model, "rotary_emb", None), LeanRotary)


def use_lean_layers(model: Any, project: Project) -> bool:
    """Replace the model's decoder layers by lean ones, in place, if they do the same; say whether they do."""
    inner = model.base_model
    layers, rotary = getattr(inner, "layers", None), getattr(inner, "rotary_emb", None)
    if not isinstance(layers, nn.ModuleList) or rotary is None:
        return False
    types = getattr(inner.config, "layer_types", None) or [""] * len(layers)
    prefix = f"{model.base_model_prefix}.layers"
    try:
        for index in {types.index(kind) for kind in types}:
            _check(layers[index], rotary, types[index], inner.config)
        lean = []
        for index in range(len(layers)):
            lean.append(LeanLayer(layers[index], f"{prefix}.{index}", project))
            layers[index] = nn.Identity()  # So that the old weights go at once, not at the end.
    except (AttributeError, TypeError, ValueError, RuntimeError) as error:
        logger.info("the layers of %s stay as they are: %s", type(model).__name__, error)
        return False
    inner.layers = nn.ModuleList(lean)
    inner.rotary_emb = LeanRotary(rotary)
    return True


class NarrowEmbedding(nn.Module):
    """An embedding that keeps its weights as narrow as they were stored and gives float32."""

    def __init__(self, embedding: nn.Embedding) -> None:
        super().__init__()
        self._weight = embedding.weight
        # Gemma multiplies by the root of the width.
        self._scale = float(getattr(embedding, "scalar_embed_scale", 1.0))

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the vectors of the tokens, (..., width), float32."""
        vectors = nn.functional.embedding(tokens, self._weight).float()
        return vectors if self._scale == 1.0 else vectors.mul_(self._scale)

    @staticmethod
    def stands_for(embedding: nn.Embedding) -> bool:
        """Say whether this embedding does no more than to look vectors up, and to multiply them by a number."""
        return type(embedding) is nn.Embedding or hasattr(embedding, "scalar_embed_scale")


@torch.no_grad()
def _check(layer: Any, rotary: Any, kind: str, config: Any) -> None:
    """Compare a layer of the model with the lean one made of it, without rounding.

    Raises:
        ValueError: they differ. Others as `LeanLayer` raises them.
    """
    layer.float()
    lean = LeanLayer(layer, "", lambda matrix, parts: FloatProjection(matrix))
    tokens = 5
    chance = torch.Generator().manual_seed(1)
    hidden = torch.randn(2, tokens, config.hidden_size, generator=chance)
    positions = torch.arange(tokens).repeat(2, 1)
    mask = torch.full((2, 1, tokens, tokens), -torch.inf).triu_(1)
    named = [kind] if kind and hasattr(rotary, "layer_types") else []
    outputs = []
    for each, turns in ((layer, rotary), (lean, LeanRotary(rotary))):
        cache = SlotCache(2, tokens, torch.float32)
        cache.make_room(tokens)
        cache.aim(0, positions, tokens)
        outputs.append(
            each(
                hidden,
                attention_mask=mask,
                position_embeddings=turns(hidden, positions, *named),
                position_ids=positions,
                past_key_values=cache,
                use_cache=True,
            )
        )
    if not torch.is_tensor(outputs[0]):
        raise TypeError("a layer returns more than hidden states")
    apart = float((outputs[0] - outputs[1]).norm() / (outputs[0] - hidden).norm())
    if not apart <= _TOLERANCE:
        raise ValueError(f"a lean layer would differ by {apart:.1e}")


def _quantise_linears(model: Any, rack: Rack) -> None:
    for path, child in adaptable(model).items():
        weight = child.weight.t() if isinstance(child, Conv1D) else child.weight
        linear = Int8Linear(weight, child.bias)
        linear.projection = AdaptedProjection(linear.projection, [Part(path, 0, len(weight))], rack)
        parent, _, name = path.rpartition(".")
        setattr(model.get_submodule(parent), name, linear)
