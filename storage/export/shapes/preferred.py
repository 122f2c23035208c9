"""Rows of what people preferred, for DPO and KTO, behind the prompts that the replies were written for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dialogue.turns import Speaker
from storage.export.material import Material
from storage.export.preferences import opinions, pairs

Row = dict[str, Any]


def dpo(material: Material) -> Iterator[Row]:
    """Yield `{"prompt": "...User2:", "chosen": " ...", "rejected": " ..."}`, with where it comes from, and how sure."""
    for pair in pairs(material):
        chosen, rejected = material.completion(pair.at, pair.chosen), material.completion(pair.at, pair.rejected)
        # Two votes with the same winner are written alike.
        if chosen and rejected and chosen != rejected:
            yield {
                "prompt": material.prompt(pair.at),
                "chosen": chosen + material.end,
                "rejected": rejected + material.end,
                "source": pair.source,
                "confidence": pair.confidence,
            }


def kto(material: Material) -> Iterator[Row]:
    """Yield `{"prompt": "...User2:", "completion": " ...", "label": ...}`, with where it comes from, and how sure."""
    for opinion in opinions(material):
        if completion := material.completion(opinion.at, opinion.text):
            yield {
                "prompt": material.prompt(opinion.at),
                "completion": completion + material.end,
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
