"""Rows of what people preferred, for DPO and KTO, behind the prompts that the replies were written for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dialogue.turns import Speaker
from storage.export.material import Material
from storage.export.preferences import opinions, pairs
from storage.export.served import completion_of, prompt_of

Row = dict[str, Any]


def dpo(material: Material) -> Iterator[Row]:
    """Yield `{"prompt": "...User2:", "chosen": " ...", "rejected": " ..."}`, with where it comes from, and how sure."""
    for pair in pairs(material):
        yield {
            "prompt": prompt_of(material.given(pair.at).turns, material.seed),
            "chosen": _completion(material, pair.chosen),
            "rejected": _completion(material, pair.rejected),
            "source": pair.source,
            "confidence": pair.confidence,
        }


def kto(material: Material) -> Iterator[Row]:
    """Yield `{"prompt": "...User2:", "completion": " ...", "label": ...}`, with where it comes from, and how sure."""
    for opinion in opinions(material):
        yield {
            "prompt": prompt_of(material.given(opinion.at).turns, material.seed),
            "completion": _completion(material, opinion.text),
            "label": opinion.is_good,
            "source": opinion.source,
            "confidence": opinion.confidence,
        }


def openai_dpo(material: Material) -> Iterator[Row]:
    """Yield OpenAI's `{"input": {"messages": [...]}, "preferred_output": [...], "non_preferred_output": [...]}`."""
    for pair in pairs(material):
        messages = [{"role": "system", "content": material.seed.text}]
        for said in material.given(pair.at).turns:
            role = "user" if said.speaker is Speaker.PERSON else "assistant"
            if messages[-1]["role"] == role:
                messages[-1]["content"] += f"\n{said.text}"
            else:
                messages.append({"role": role, "content": said.text})
        yield {
            "input": {"messages": messages, "tools": [], "parallel_tool_calls": True},
            "preferred_output": [{"role": "assistant", "content": pair.chosen}],
            "non_preferred_output": [{"role": "assistant", "content": pair.rejected}],
        }


def _completion(material: Material, text: str) -> str:
    return completion_of(text, material.seed.tags) + material.end
