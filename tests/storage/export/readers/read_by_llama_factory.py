"""Has LLaMA-Factory read exports: `python read_by_llama_factory.py FOLDER NAME:STAGE:TEMPLATE...`, by its own Python.

FOLDER holds the exports and `tokenizer/`; what was read goes to `FOLDER/read.json`. Only its own code reads: registry,
converters, templates and the processors of its stages. Each file is read twice, the second time by a tokenizer that
takes no words for special tokens, as with its option `split_special_tokens`.
"""

from __future__ import annotations

import json
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

# It imports this for sounds, of which there are none, and there is none for the newest torch.
sys.modules["torchaudio"] = ModuleType("torchaudio")
sys.modules["torchaudio"].__spec__ = ModuleSpec("torchaudio", None)

from llamafactory.data import get_dataset, get_template_and_fix_tokenizer  # noqa: E402
from llamafactory.data.loader import _load_single_dataset  # noqa: E402
from llamafactory.data.parser import get_dataset_list  # noqa: E402
from llamafactory.hparams import DataArguments, ModelArguments, TrainingArguments  # noqa: E402
from transformers import AutoTokenizer  # noqa: E402


def read(folder: Path, name: str, stage: str, template: str) -> dict[str, list[dict[str, Any]]]:
    """Return the rows as it converts them, and as it gives them to a trainer: what it drops is not there."""
    data = DataArguments(template=template, dataset=name, dataset_dir=str(folder), overwrite_cache=True)
    model = ModelArguments(model_name_or_path=str(folder / "tokenizer"), cache_dir=str(folder / "cache"))
    training = TrainingArguments(output_dir=str(folder / "out"), use_cpu=True, report_to="none")
    (attributes,) = get_dataset_list([name], str(folder))
    found = {f"{name}, converted": list(_load_single_dataset(attributes, model, data, training))}
    for key, is_split in ((name, False), (f"{name}, split", True)):
        tokenizer = AutoTokenizer.from_pretrained(folder / "tokenizer", split_special_tokens=is_split)
        filled = get_template_and_fix_tokenizer(tokenizer, data)
        found[key] = list(get_dataset(filled, model, data, training, stage, tokenizer)["train_dataset"])
    return found


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    found: dict[str, Any] = {}
    for each in sys.argv[2:]:
        found |= read(folder, *each.split(":"))
    (folder / "read.json").write_text(json.dumps(found))
