"""Has TRL read exports: `python read_by_trl.py FOLDER NAME...`, by a Python that has it.

FOLDER holds the exports, each named after its format, and `tokenizer/`, with the shape of a model; what was read goes
to `FOLDER/read.json`. Only its own code reads, up to what its trainers learn from.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from datasets import load_dataset
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer
from trl import DPOConfig, DPOTrainer, KTOConfig, KTOTrainer, SFTConfig, SFTTrainer

TRAINERS = {"dpo": (DPOTrainer, DPOConfig), "kto": (KTOTrainer, KTOConfig)}


def read(folder: Path, name: str) -> list[dict[str, Any]]:
    """Return the rows as its trainer has them."""
    format = name.partition(".")[0]
    trainer, config = TRAINERS.get(format, (SFTTrainer, SFTConfig))
    rows = load_dataset("json", data_files=str(folder / name), split="train", cache_dir=str(folder / "cache"))
    shape = AutoConfig.from_pretrained(folder / "tokenizer")
    made = trainer(
        model=AutoModelForCausalLM.from_config(shape),
        **({"ref_model": AutoModelForCausalLM.from_config(shape)} if format in TRAINERS else {}),
        args=config(output_dir=str(folder / "out"), use_cpu=True, bf16=False, report_to="none", max_length=None),
        train_dataset=rows,
        processing_class=AutoTokenizer.from_pretrained(folder / "tokenizer"),
    )
    return list(made.train_dataset)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    found = {name: read(folder, name) for name in sys.argv[2:]}
    (folder / "read.json").write_text(json.dumps(found))
