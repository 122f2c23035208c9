"""From rows to a folder with an adapter or a model: it appears whole, and an interrupted training is gone on with."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from dialogue.errors import TrainingError
from dialogue.learning.base_model import Base, Learner
from dialogue.learning.examples import examples_of
from dialogue.learning.lineage import code_hash, write_lineage
from dialogue.learning.losses import write_losses
from dialogue.learning.plan import Method, Plan
from dialogue.learning.training import Trained, train_replies
from dialogue.learning.watching import Watch

_WEIGHTS = "adapter_model.safetensors"


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of an export, and what they are called in errors; read once, so they may come from a file."""

    name: str
    rows: Iterable[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be made of what.

    Args:
        data: the rows that are learned; `held_out` those by which one sees whether it helps.
        out: the folder that is to appear.
        sources: what is known of the data, for the lineage.
    """

    base: Base
    plan: Plan
    data: Rows
    held_out: Rows | None
    out: Path
    sources: Mapping[str, Any]


def unfinished(out: Path) -> Path:
    """Return where a training lies until it is complete."""
    return out.with_name(f".{out.name}.unfinished")


def finetune(order: Order, learner: Learner, watch: Watch) -> dict[str, Any]:
    """Train, and give the folder its name; return the lineage.

    Raises:
        TrainingError: the data cannot be learned from, the training was interrupted, or another one lies unfinished.
    """
    code_hash()  # Before somebody changes the code beside a training of hours.
    work = _prepared(order)
    plan = order.plan
    with _alone(work), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TRL, PEFT and transformers warn of each other's ways.
        learn = _learn_replies if plan.method is Method.SFT else _learn_preferences
        trained, counts = learn(order, learner, work / "checkpoints", watch)
        return _written(order, trained, work, counts)


@contextmanager
def _alone(work: Path) -> Iterator[None]:
    """Keep another training out of a working folder; the system gives it free where this process is killed."""
    with (work / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise TrainingError(f"another training is at work in {work}: wait for it, or take another --out") from error
        yield


def _learn_replies(order: Order, learner: Learner, work: Path, watch: Watch) -> tuple[Trained, dict[str, int]]:
    examples, held_out = (
        examples_of(each.rows, learner.vocabulary, order.plan.max_tokens, each.name) if each else None
        for each in (order.data, order.held_out)
    )
    assert examples
    counts = {
        "examples": len(examples.examples),
        "tokens": examples.tokens,
        "tokens_learned": examples.learned,
        "replies_too_long": examples.too_long,
    }
    return train_replies(learner, order.plan, examples, held_out, work, watch), counts


def _learn_preferences(order: Order, learner: Learner, work: Path, watch: Watch) -> tuple[Trained, dict[str, int]]:
    from dialogue.learning.preferences import preferences_of, train_preferences

    plan = order.plan
    (rows, too_long), (held_out, _) = (
        preferences_of(each.rows, plan.method, learner.vocabulary, plan.max_tokens, each.name) if each else ([], 0)
        for each in (order.data, order.held_out)
    )
    counts = {"examples": len(rows), "replies_too_long": too_long}
    return train_preferences(learner, plan, rows, held_out or None, work, watch), counts


def _prepared(order: Order) -> Path:
    """Make the working folder, or find it as the same training has left it."""
    if order.out.exists():
        raise TrainingError(f"--out {order.out} is there already: remove it, or take another name")
    work = unfinished(order.out)
    facts = {
        "plan": order.plan.as_facts(),
        "base": [order.base.name, order.base.revision],
        "sources": {name: value for name, value in order.sources.items() if name in ("data", "held_out")},
    }
    content = json.dumps(facts, sort_keys=True)
    mark = hashlib.sha256(content.encode()).hexdigest()
    try:
        work.mkdir(parents=True, exist_ok=True)
        same = work / "training.sha256"
        if same.is_file() and same.read_text() != mark:
            raise TrainingError(
                f"{work} holds another training that was interrupted: go on with it by its own options, or remove it"
            )
        same.write_text(mark)
    except OSError as error:
        raise TrainingError(f"--out {order.out} cannot be written: {error}") from error
    return work


def _written(order: Order, trained: Trained, work: Path, counts: Mapping[str, int]) -> dict[str, Any]:
    folder = work / "result"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    if order.plan.is_full:
        trained.model.save_pretrained(folder)
        for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "generation_config.json"):
            if (order.base.folder / name).is_file():
                shutil.copyfile(order.base.folder / name, folder / name)
    else:
        trained.model.save_pretrained(folder, save_embedding_layers=False)
        # Where the base model lies on this machine is nobody's business.
        config = json.loads((folder / "adapter_config.json").read_bytes())
        config["base_model_name_or_path"] = order.base.name
        (folder / "adapter_config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
        tensors = {name: value.to(torch.bfloat16) for name, value in load_file(folder / _WEIGHTS).items()}
        save_file(tensors, folder / _WEIGHTS, {"format": "pt"})
    write_losses(folder, trained.history)
    sources = {**order.sources, "data": {**order.sources["data"], **counts}}
    facts = write_lineage(folder, order.base, order.plan, sources, trained.metrics)
    readers = (folder / "losses.csv").stat().st_mode
    for path in folder.iterdir():
        # safetensors shuts its files to everybody else, whatever the umask says.
        path.chmod(readers)
        with path.open("rb") as file:
            os.fsync(file.fileno())
    folder.rename(order.out)
    shutil.rmtree(work, ignore_errors=True)
    return facts
