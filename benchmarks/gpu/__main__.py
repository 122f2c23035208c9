"""How fast the engine writes and answers on a GPU: `python -m benchmarks.gpu`, four minutes.

The model has random weights in the shape of ruGPT-3 Large (760 million, bfloat16); its dialogues have 600 tokens behind
them on average. All draw at temperature 0.7, top-k 40 and top-p 0.9. A row has, for so many dialogues at a time:

- `engine_tok_s`: what the slot engine writes as a worker runs it, all dialogues together, once their prompts are read.
- `generate_tok_s`: `generate()` of transformers, one dialogue after the other; one is measured, as the next takes as
  long. `generate_batch_tok_s`: all dialogues in one call, which only prompts of the same length allow.
- `transformers_cb_tok_s`: continuous batching of transformers, in the settings that it chooses itself.
- `roofline_share`: how much of the engine's time for a step its memory needs to read what the step must read, the
  weights and the keys and values of all dialogues (`bytes_per_step`), at `bandwidth_gb_s`, measured on the spot.
- `turns_per_s`: of dialogues of four turns behind a seed of 300 tokens. `turns_per_s_without_reuse`: the same when no
  prompt begins as another one did. `turns_per_s_ratio`: the first over the second.

A rate of writing is that of the last 64 of 96 tokens: what 96 take longer than 32. So the reading of prompts is in
none of them. A figure is null where something failed, which is said at the end; each row is written when it is there.
Without a GPU, `--cpu --tiny` tries every line of it out, and writes a result only where `--out` says.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

from benchmarks.gpu.bench import Bench
from benchmarks.gpu.plan import LARGE, TINY
from benchmarks.results import Row, write_results
from dialogue.engine import devices
from dialogue.errors import ModelRefused


def shown(rows: Sequence[Row]) -> Table:
    """Return the rows as a table of medians, a column for each number of dialogues."""
    lines = {
        "engine_tok_s": "engine, tokens/s",
        "roofline_share": "  of the roofline",
        "generate_tok_s": "generate(), tokens/s",
        "generate_batch_tok_s": "  in a batch",
        "over_generate": "engine over generate()",
        "transformers_cb_tok_s": "continuous batching, tokens/s",
        "over_transformers_cb": "engine over continuous batching",
        "turns_per_s": "turns/s",
        "turns_per_s_without_reuse": "  without reuse",
        "turns_per_s_ratio": "with reuse over without",
    }
    table = Table("dialogues", *(str(each["dialogues"]) for each in rows))
    for key, title in lines.items():
        table.add_row(title, *("-" if each[key] is None else f"{each[key]:.4g}" for each in rows))
    return table


def main() -> int:
    """Measure, write the result, show it; return 1 where there is no GPU, or something failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cpu", action="store_true", help="try it out without a GPU; the figures mean nothing")
    parser.add_argument("--tiny", action="store_true", help="a tiny model and short texts")
    parser.add_argument("--out", type=Path, help="the folder of the result, if not benchmarks/results")
    options = parser.parse_args()
    try:
        name = devices.describe("cpu" if options.cpu else "cuda")
    except ModelRefused as error:
        print(f"Nothing was measured, as there is no GPU to use: {error}.", file=sys.stderr)
        return 1
    console = Console()
    with tempfile.TemporaryDirectory() as folder:
        device = torch.device("cpu") if options.cpu else torch.device("cuda", torch.cuda.current_device())
        plan = TINY if options.tiny else LARGE
        bench = Bench(plan, device, Path(folder), lambda text: console.print(text, highlight=False))
        rows: list[Row] = []
        for row in bench.rows():
            rows.append(row)
            # A trial must not replace what was measured in earnest.
            if options.out or not (options.cpu or options.tiny):
                path = write_results("engine-gpu", rows, *[options.out] if options.out else [], gpu=name)
                console.print(f"written to {path}", highlight=False)
    console.print(shown(rows))
    for failure in bench.failures:
        console.print(f"failed: {failure}", highlight=False, markup=False)
    return 1 if bench.failures else 0


if __name__ == "__main__":
    sys.exit(main())
