"""Every format by name: how its rows are made, and what LLaMA-Factory has to be told about them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from storage.export.material import Material
from storage.export.shapes import conversations, preferred, records, transcripts
from storage.export.wanted import Format

Row = dict[str, Any]

_OPENAI_TAGS = {
    "role_tag": "role",
    "content_tag": "content",
    "user_tag": "user",
    "assistant_tag": "assistant",
    "system_tag": "system",
}
_SHAREGPT_TAGS = {"role_tag": "from", "content_tag": "value", "user_tag": "human", "assistant_tag": "gpt"}
_ALPACA = {
    "prompt": "instruction",
    "query": "input",
    "response": "output",
    "system": "system",
    "history": "history",
}
_PROMPTED = {"prompt": "prompt", "response": "completion"}


@dataclass(frozen=True, slots=True)
class Shape:
    """How rows of a format are made.

    Args:
        use: what the format is for, in a few words.
        entry: what `dataset_info.json` says about a file of it, besides its name; None where LLaMA-Factory has no use
            for it.
        are_all_kinds: whether it can be written as Parquet, whose rows all have the same columns.
    """

    rows: Callable[[Material], Iterator[Row]]
    use: str
    entry: Row | None = None
    has_columns: bool = True


SHAPES: dict[Format, Shape] = {
    Format.TRANSCRIPT: Shape(
        transcripts.transcript,
        "TRL language modelling: whole transcripts, all of which is learned",
        {"columns": {"prompt": "text"}},
    ),
    Format.PROMPT_COMPLETION: Shape(
        transcripts.prompt_completion,
        "TRL SFT on replies only, each behind the prompt that was served",
        {"columns": _PROMPTED},
    ),
    Format.MESSAGES: Shape(
        conversations.messages,
        "TRL SFT for models with a chat template",
        {"formatting": "sharegpt", "columns": {"messages": "messages"}, "tags": _OPENAI_TAGS},
    ),
    Format.SHAREGPT: Shape(
        conversations.sharegpt,
        "LLaMA-Factory and others",
        {
            "formatting": "sharegpt",
            "columns": {"messages": "conversations", "system": "system"},
            "tags": _SHAREGPT_TAGS,
        },
    ),
    Format.ALPACA: Shape(conversations.alpaca, "LLaMA-Factory and others", {"columns": _ALPACA}),
    Format.INPUT_OUTPUT: Shape(transcripts.input_output, "Axolotl, `type: input_output`: replies only"),
    Format.DPO: Shape(
        preferred.dpo,
        "TRL DPO and its like, and reward models",
        {"ranking": True, "columns": {"prompt": "prompt", "chosen": "chosen", "rejected": "rejected"}},
    ),
    Format.KTO: Shape(preferred.kto, "TRL KTO and BCO", {"columns": _PROMPTED | {"kto_tag": "label"}}),
    Format.OPENAI: Shape(
        conversations.openai, "OpenAI's fine-tuning: only messages with weight 1 are learned", has_columns=False
    ),
    Format.OPENAI_DPO: Shape(preferred.openai_dpo, "OpenAI's preference fine-tuning", has_columns=False),
    Format.QA: Shape(
        conversations.question_answer, "first questions and their answers, as `Q: … A: …`", {"columns": _PROMPTED}
    ),
    Format.JSON_QA: Shape(
        conversations.json_question_answer,
        "first questions and their answers",
        {"columns": {"prompt": "question", "response": "answer"}},
    ),
    Format.CSV: Shape(records.table, "spreadsheets: each reply with its rating and correction"),
    Format.JSONL: Shape(records.record, "everything, one dialogue a line", has_columns=False),
}
