"""Has Axolotl read exports: `python read_by_axolotl.py FOLDER NAME...`, by a Python that has it.

FOLDER holds the exports, each named after its format, and `tokenizer/`; what was read goes to `FOLDER/read.json`. Only
its own code reads, up to what a trainer is given: tokens with labels, or texts where TRL makes tokens of them later.
Each file is read twice, the second time by a tokenizer that takes no words for special tokens.
"""

from __future__ import annotations

import json
import os
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

os.environ |= {"AXOLOTL_DO_NOT_TRACK": "1", "AXOLOTL_IS_PREPROCESS": "1", "TRL_EXPERIMENTAL_SILENCE": "1"}
# It imports this to tell its makers how it is used.
sys.modules["posthog"] = ModuleType("posthog")
sys.modules["posthog"].__spec__ = ModuleSpec("posthog", None)

from axolotl.utils.data.rl import _load_split  # noqa: E402
from axolotl.utils.data.sft import _load_and_process_single_dataset  # noqa: E402
from axolotl.utils.data.utils import handle_long_seq_in_dataset  # noqa: E402
from axolotl.utils.dict import DictDefault  # noqa: E402
from axolotl.utils.schemas.enums import RLType  # noqa: E402
from transformers import AutoTokenizer  # noqa: E402

CHAT = "{% for each in messages %}<{{ each.role }}>{{ each.content }}{{ eos_token }}{% endfor %}"
PROMPTED = {"field_prompt": "prompt", "prompt_format": "{prompt}"}
TYPES: dict[str, dict[str, Any]] = {
    "input-output": {"type": "input_output"},
    "transcript": {"type": "completion", "field": "text"},
    "messages": {
        "type": "chat_template",
        "chat_template": "jinja",
        "chat_template_jinja": CHAT,
        "roles_to_train": ["assistant"],
        "train_on_eos": "turn",
    },
    "dpo": {"type": {**PROMPTED, "field_chosen": "chosen", "field_rejected": "rejected"}},
    "kto": {"type": {**PROMPTED, "field_completion": "completion", "field_label": "label"}},
}

PREFERENCES = {"dpo": RLType.DPO, "kto": RLType.KTO}


def read(folder: Path, path: Path, is_split: bool) -> list[dict[str, Any]]:
    """Return the rows as it gives them to a trainer; what it would leave out is not there."""
    format = path.name.partition(".")[0]
    options = DictDefault(
        {
            "datasets": [{"path": str(path), **TYPES[format]}],
            "sequence_len": 4096,
            "is_preprocess": True,
            "tokenizer_config": str(folder / "tokenizer"),
            "base_model": str(folder / "tokenizer"),
        }
    )
    if format in PREFERENCES:
        options |= {"rl": PREFERENCES[format], "skip_prepare_dataset": True}
        return list(_load_split(options, "train"))
    tokenizer = AutoTokenizer.from_pretrained(folder / "tokenizer", split_special_tokens=is_split)
    rows, _ = _load_and_process_single_dataset(options.datasets[0], options, tokenizer, "train", seed=0)
    return list(handle_long_seq_in_dataset(rows, options.sequence_len, options))


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    found: dict[str, Any] = {}
    for name in sys.argv[2:]:
        found[name] = read(folder, folder / name, is_split=False)
        found[f"{name}, split"] = read(folder, folder / name, is_split=True)
    (folder / "read.json").write_text(json.dumps(found))
