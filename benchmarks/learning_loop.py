"""The whole learning loop on the embedded model: what good operators say becomes a better model, and is put to work.

`python -m benchmarks.learning_loop` types what an engineer would type, in a folder of its own: demonstrations into the
log as approved, an export, a LoRA adapter, an evaluation on dialogues that it has not learned from, a promotion. Then
ten people talk to the model before and after, with the same draws. What is done already is not done again, so that an
interrupted loop goes on by the same command. On two CPU cores it takes about two hours, nearly all of it training.

The result has the figures of the training and of the evaluation; the conversations go into a page of their own, as they
came out.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shlex
import subprocess
import sys
from itertools import count, zip_longest
from pathlib import Path

from rich.console import Console

from benchmarks import embedded_model
from benchmarks.callers import MESSAGES, Caller, callers
from benchmarks.results import ROOT, Row, write_results
from bot.trying import Trial
from dialogue.engine.torch_engine import torch_engine
from dialogue.engine.wardrobe import EngineWardrobe
from dialogue.ports import Engine
from dialogue.seeds import load_seeds
from dialogue.turns import Dialogue, Speaker, Turn

SEEDS = ("isp-support-ru", "isp-support-en")
PAGE = ROOT / "docs" / "conversations.md"

_OPERATOR = "Demonstrator"
_EPOCHS = 1.2


class Loop:
    """The commands of one loop, and what each of them leaves in the folder.

    Args:
        work: the folder; the log lies in `home` there.
    """

    def __init__(self, work: Path, console: Console) -> None:
        self.work = work
        self.adapter = work / "adapters" / "isp-support"
        self.report = work / "report"
        self._console = console

    def run(self, epochs: float) -> None:
        """Do what is not done yet."""
        self.work.mkdir(parents=True, exist_ok=True)
        train, test = "d.train.jsonl", "d.test.jsonl"
        if not (self.work / train).exists():
            if not (self.work / "home" / "govorun.db").exists():
                self._type("operators", "add", _OPERATOR, typed=f"{os.urandom(12).hex()}\n")
            for seed in SEEDS:
                self._type("seeds", "demonstrate", seed, "--operator", _OPERATOR)
            # Nobody of the demonstrations exists, so their names and numbers may stay.
            keep = ("--personal-data", "keep", "--split", "train=0.9,test=0.1")
            self._type("export", "--format", "input-output", *keep, "--out", "d.jsonl")
        if not self.adapter.exists():
            options = ("--epochs", f"{epochs:g}", "--out", self._name(self.adapter))
            self._type("finetune", "--data", train, "--held-out", test, *options)
        if not (self.report / "report.json").exists():
            options = ("--adapter", self._name(self.adapter), "--out", self._name(self.report))
            self._type("evaluate", "--data", test, *options)
        for seed in SEEDS:
            proof = ("--evaluation", self._name(self.report), "--held-out", test)
            self._type("promote", seed, "--adapter", self._name(self.adapter), "--data", train, *proof)

    def figures(self) -> Row:
        """Return what the training and the evaluation found."""
        lineage = json.loads((self.adapter / "lineage.json").read_bytes())
        report = json.loads((self.report / "report.json").read_bytes())
        likelihood = report["likelihood"]
        return {
            "adapter_mb": round((self.adapter / "adapter_model.safetensors").stat().st_size / 1e6, 1),
            "rows": lineage["data"]["rows"],
            "training": {**lineage["metrics"], "rank": lineage["plan"]["rank"]},
            "passes": report["passes"],
            "dialogues": report["data"]["dialogues_compared"],
            "replies": likelihood["replies"],
            "nats_per_character": {"before": likelihood["a"], "after": likelihood["b"]},
            "improvement": likelihood["improvement"],
            "drawn": report["behaviour"]["replies"],
            "faults": {
                name: dict(zip(("approved", "before", "after"), fault["counts"], strict=True))
                for name, fault in report["behaviour"]["faults"].items()
            },
        }

    def _type(self, *arguments: str, typed: str | None = None) -> None:
        """Type a command of govorun in the folder.

        Raises:
            SystemExit: it failed.
        """
        self._console.print(f"[bold]$ govorun {shlex.join(arguments)}[/bold]", highlight=False)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GOVORUN_")}
        environment |= {"GOVORUN_DATA_DIR": str(self.work / "home"), "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "bot.cli", *arguments]
        done = subprocess.run(command, cwd=self.work, env=environment, input=typed, text=True, check=False)
        if done.returncode:
            raise SystemExit(done.returncode)

    def _name(self, path: Path) -> str:
        return path.relative_to(self.work).as_posix()


async def conversations(engine: Engine, adapters: Path | None) -> list[Dialogue]:
    """Return what the ten people and the model say, with the adapters of a folder or with none."""
    seeds, wardrobe, draw = load_seeds(), EngineWardrobe(engine, adapters), count(1).__next__
    held = []
    for caller in callers():
        trial = Trial(engine, seeds.get(caller.seed), draw, wardrobe)
        words = caller.opening
        for _ in range(MESSAGES):
            reply = await trial.say(words)
            words = caller.reply_to(reply.text)
        held.append(trial.said)
    return held


async def _converse(adapters: Path, console: Console) -> list[tuple[Caller, Dialogue, Dialogue]]:
    async with torch_engine(embedded_model.load(console=console)) as engine:
        before, after = await conversations(engine, None), await conversations(engine, adapters)
    return list(zip(callers(), before, after, strict=True))


def page(held: list[tuple[Caller, Dialogue, Dialogue]]) -> str:
    """Return the conversations side by side, in Markdown."""
    lines = [
        "# Ten conversations before and after",
        "",
        "What the embedded model (Gemma 3 270M) answers to ten people without an adapter, and with the one that",
        "[the learning loop](learning.md#the-whole-loop) has made. `python -m benchmarks.learning_loop` writes this",
        "page: none is left out, no word is changed. The people are scripts (`benchmarks/callers.py`): they answer",
        "what they are asked for, each thing once, and otherwise go on with their own words, which do not always fit.",
        "",
    ]
    for caller, before, after in held:
        lines += [f"## {caller.name}", "", "| | before | | after |", "|---|---|---|---|"]
        for left, right in zip_longest(before.turns, after.turns):
            lines.append("| " + " | ".join(f"{_tag(turn)} | {_cell(turn)}" for turn in (left, right)) + " |")
        lines.append("")
    return "\n".join(lines)


def _tag(turn: Turn | None) -> str:
    return "" if turn is None else "person" if turn.speaker is Speaker.PERSON else "**bot**"


def _cell(turn: Turn | None) -> str:
    return "" if turn is None else turn.text.replace("|", "\\|").replace("<", "&lt;").replace("\n", "<br>")


def main() -> None:
    """Run the loop, let ten people talk, write the result and the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--work", type=Path, default=ROOT / ".cache" / "learning-loop", help="where the loop's files go"
    )
    parser.add_argument("--epochs", type=float, default=_EPOCHS)
    parser.add_argument("--out", type=Path, help="the folder of the result, if not benchmarks/results")
    parser.add_argument("--page", type=Path, default=PAGE, help="where the conversations go")
    options = parser.parse_args()
    console = Console()
    loop = Loop(options.work.resolve(), console)
    loop.run(options.epochs)
    row = loop.figures()
    options.page.write_text(page(asyncio.run(_converse(loop.adapter.parent, console))), "utf-8")
    path = write_results("learning-loop", [row], *[options.out] if options.out else [])
    for name, value in row.items():
        console.print(f"{name}: {value}", highlight=False)
    console.print(f"written to {path} and {options.page}", highlight=False)


if __name__ == "__main__":
    main()
