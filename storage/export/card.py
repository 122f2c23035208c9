"""What other tools want to find beside training data: a dataset card, and the registry of LLaMA-Factory."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dialogue.errors import ExportError
from storage.export.manifest import SUFFIX, Beside
from storage.export.shapes.catalogue import Shape

CARD = "README.md"
REGISTRY = "dataset_info.json"

_MARK = "# Written by govorun export; the next export into this folder replaces it."
_SIZES = ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"))
_BUILDERS = {".csv": "csv", ".parquet": "parquet"}
# It knows a file by the end of its name, and takes none that is packed.
_KNOWN_TO_LLAMA_FACTORY = (".jsonl", ".parquet")


def card_path(out: Path) -> Path:
    """Return where the card goes: `README.md`, unless somebody else's lies there already."""
    usual = out.parent / CARD
    if usual.exists() and _MARK not in usual.read_text("utf-8", "replace")[:400]:
        return out.with_name(f"{out.name}.{CARD}")
    return usual


def card(facts: Mapping[str, Any], shape: Shape, ending: str, others: Sequence[Beside]) -> str:
    """Return the card of a dataset in the form that the Hugging Face hub reads.

    Args:
        others: the other exports in its folder; each is a configuration of the dataset.
    """
    rows = sum(file["rows"] for file in facts["files"])
    size = next((name for least, name in _SIZES if rows < least), "n>1M")
    languages = facts["languages"] or ["und"]
    own = str(facts["manifest"]).removesuffix(SUFFIX) if others else "default"
    configurations = [_configuration(own, [(each["name"], each["split"]) for each in facts["files"]], bool(others))]
    configurations += [_configuration(each.name, each.files) for each in others]
    return f"""---
{_MARK}
language: [{", ".join(languages)}]
size_categories: [{size}]
task_categories: [text-generation]
tags: [govorun, dialogue]
configs:
{"".join(configurations)}---

# Conversations of a chatbot, format `{facts["format"]}`

For {shape.use}. Exported from Govorun {facts["govorun"]} at {facts["exported_at"]}.

| file | rows | dialogues | SHA-256 |
|---|---|---|---|
{_table(facts)}

- **Which dialogues**: `{json.dumps(facts["query"], ensure_ascii=False)}`.
- **Personal data**: {"as it was said" if facts["personal_data"]["handling"] == "keep" else "replaced by placeholders"}.
- **Seeds**: {_listed(facts["seeds"])}. **Models**: {_listed(facts["models"])}.
- **Where the words come from**: {_counted(facts["counts"]["sources"])}.

Everything else, with the hashes of the files, is in `{facts["manifest"]}`. People who ask to be forgotten are not in
later exports; the manifest says whether this one has something of them.
{_loading(facts, ending)}{_beside(others)}"""


def registry(folder: Path, facts: Mapping[str, Any], shape: Shape) -> str | None:
    """Return `dataset_info.json` with the files of an export added to what is there; None where it has no use.

    It is in ASCII, as LLaMA-Factory reads it in the machine's own encoding.

    Raises:
        ExportError: there is a file of that name that is not LLaMA-Factory's.
    """
    if shape.entry is None or any(Path(file["name"]).suffix not in _KNOWN_TO_LLAMA_FACTORY for file in facts["files"]):
        return None
    path = folder / REGISTRY
    try:
        known = json.loads(path.read_text("utf-8")) if path.exists() else {}
    except ValueError as error:
        raise ExportError(f"{path}: not LLaMA-Factory's registry, so nothing can be added to it: {error}") from error
    if not isinstance(known, dict):
        raise ExportError(f"{path}: not LLaMA-Factory's registry, so nothing can be added to it")
    for file in facts["files"]:
        known[file["name"].partition(".jsonl")[0].removesuffix(".parquet")] = {"file_name": file["name"], **shape.entry}
    return json.dumps(known, indent=2) + "\n"


def _configuration(name: str, files: Sequence[tuple[str, str]], is_default: bool = False) -> str:
    lines = [f"  - config_name: {json.dumps(name)}", *(["    default: true"] if is_default else []), "    data_files:"]
    for file, split in files:
        lines += [f"      - split: {split or 'train'}", f"        path: {json.dumps(file)}"]
    return "".join(f"{line}\n" for line in lines)


def _beside(others: Sequence[Beside]) -> str:
    if not others:
        return ""
    rows = "".join(f"| `{each.name}` | `{each.format}` | {each.rows} | {each.exported_at} |\n" for each in others)
    return f"""
## Other exports in this folder

| name | format | rows | exported at |
|---|---|---|---|
{rows}"""


def _table(facts: Mapping[str, Any]) -> str:
    return "\n".join(
        f"| `{file['name']}` | {file['rows']} | {file['dialogues']} | `{file['sha256']}` |" for file in facts["files"]
    )


def _listed(names: Mapping[str, Any]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "none"


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items()) or "nothing"


def _loading(facts: Mapping[str, Any], ending: str) -> str:
    files = {file["split"] or "train": file["name"] for file in facts["files"]}
    return f"""
```python
from datasets import load_dataset

dataset = load_dataset("{_BUILDERS.get(ending, "json")}", data_files={json.dumps(files)})
```
"""
