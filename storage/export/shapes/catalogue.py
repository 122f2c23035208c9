"""Every format by name: how its rows are made, and what LLaMA-Factory has to be told about them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from dialogue.forms import SeedKind
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

_EVERY = frozenset(SeedKind)
# What answers a form was no message of a chat.
_TALKS = frozenset({SeedKind.DIALOGUE})
# A vote shows how many gave each name; nobody is to answer a question with that.
_ANSWERS = _EVERY - {SeedKind.VOTE}


@dataclass(frozen=True, slots=True)
class Shape:
    """How rows of a format are made.

    Args:
        use: what the format is for, in a few words.
        entry: what `dataset_info.json` says about a file of it, besides its name; None where LLaMA-Factory has no use
            for it.
        has_columns: whether it can be written as Parquet, whose rows all have the same columns.
        is_prompted: whether its rows have what the model is given: the seed's text, or its form alone.
        kinds: of seeds whose dialogues it can hold.
    """

    rows: Callable[[Material], Iterator[Row]]
    use: str
    entry: Row | None = None
    has_columns: bool = True
    is_prompted: bool = False
    kinds: frozenset[SeedKind] = _EVERY


SHAPES: dict[Format, Shape] = {
    Format.TRANSCRIPT: Shape(
        transcripts.transcript,
        "TRL language modelling: whole transcripts, all of which is learned",
        {"columns": {"prompt": "text"}},
        is_prompted=True,
    ),
    Format.PROMPT_COMPLETION: Shape(
        transcripts.prompt_completion,
        "TRL SFT on replies only, each behind the prompt that was served",
        {"columns": _PROMPTED},
        is_prompted=True,
    ),
    Format.MESSAGES: Shape(
        conversations.messages,
        "TRL SFT for models with a chat template",
        {"formatting": "sharegpt", "columns": {"messages": "messages"}, "tags": _OPENAI_TAGS},
        kinds=_TALKS,
    ),
    Format.SHAREGPT: Shape(
        conversations.sharegpt,
        "LLaMA-Factory and others",
        {
            "formatting": "sharegpt",
            "columns": {"messages": "conversations", "system": "system"},
            "tags": _SHAREGPT_TAGS,
        },
        kinds=_TALKS,
    ),
    Format.ALPACA: Shape(conversations.alpaca, "LLaMA-Factory and others", {"columns": _ALPACA}, kinds=_TALKS),
    Format.INPUT_OUTPUT: Shape(
        transcripts.input_output, "Axolotl, `type: input_output`: replies only", is_prompted=True
    ),
    Format.DPO: Shape(
        preferred.dpo,
        "TRL DPO and its like, and reward models",
        {"ranking": True, "columns": {"prompt": "prompt", "chosen": "chosen", "rejected": "rejected"}},
        is_prompted=True,
    ),
    Format.KTO: Shape(
        preferred.kto, "TRL KTO and BCO", {"columns": _PROMPTED | {"kto_tag": "label"}}, is_prompted=True
    ),
    Format.OPENAI: Shape(
        conversations.openai,
        "OpenAI's fine-tuning: only messages with weight 1 are learned",
        has_columns=False,
        kinds=_TALKS,
    ),
    Format.OPENAI_DPO: Shape(preferred.openai_dpo, "OpenAI's preference fine-tuning", has_columns=False, kinds=_TALKS),
    Format.QA: Shape(
        conversations.question_answer,
        "first questions and their answers, as `Q: … A: …`",
        {"columns": _PROMPTED},
        kinds=_ANSWERS,
    ),
    Format.JSON_QA: Shape(
        conversations.json_question_answer,
        "first questions and their answers",
        {"columns": {"prompt": "question", "response": "answer"}},
        kinds=_ANSWERS,
    ),
    Format.CSV: Shape(records.table, "spreadsheets: each reply with its rating and correction"),
    Format.JSONL: Shape(records.record, "everything, one dialogue a line", has_columns=False),
}
