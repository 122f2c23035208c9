"""How long the pages of the review take with 100,000 dialogues of 10 turns in the log.

`python -m benchmarks.review` fills SQLite and PostgreSQL (as it comes, nothing set) with three months of dialogues in
which words are as frequent as words are, and asks the application for its pages as the browser of an operator does, one
after the other: the session, the queries and the rendering are part of it, the network is not.

- `inbox`: first pages with all filters and orders, and twenty pages in a row.
- `search`: words that are in nearly every turn, in some and in hardly any, two of them, phrases, with filters.
- `transcript`: whole dialogues. `next`: the queue. `overview`: the figures of today.

`p95_ms` is the time that 95 of 100 requests of a kind of page stay within: the median of the repetitions, each of which
asks for others.
"""

from __future__ import annotations

import argparse
import asyncio
import html
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from httpx import AsyncClient
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from benchmarks.bulk import Batch, fill
from benchmarks.full_log import DAYS, FullLog
from benchmarks.results import Row, percentile, summary, write_results
from benchmarks.review_desk import DATABASES, database, desk, employ
from benchmarks.review_visits import Visit, Visits
from storage.log.tables import dialogues

PAGES = ("inbox", "search", "transcript", "next", "overview")
_NEXT = re.compile(r'href="([^"]+)" rel="next"')
Timed = tuple[float, str]
"""Milliseconds, and the address."""


@dataclass(frozen=True, slots=True)
class Load:
    """What is measured.

    Args:
        turns: of each dialogue.
        requests: of each page in each repetition.
    """

    dialogues: int
    turns: int
    requests: int
    repetitions: int


async def measure(kind: str, load: Load, console: Console) -> list[Row]:
    """Fill a database of that kind and ask for pages; return a row for each kind of page."""
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:.0f} %"))
    with database(kind) as url, Progress(*columns, TimeRemainingColumn(), console=console) as progress:
        now = time.time()
        full_log = FullLog(load.dialogues, load.turns, now, await employ(url))
        dialogue_ids: list[str] = []
        batches = progress.track(full_log.batches(), total=DAYS + 1, description=f"{kind}: filling")
        await fill(url, noted(batches, dialogue_ids))
        visits = Visits(dialogue_ids, now, DAYS, Random(1))
        timed: dict[str, list[list[Timed]]] = {page: [] for page in PAGES}
        bar = progress.add_task(f"{kind}: asking", total=load.repetitions * len(PAGES))
        async with desk(url) as browser:
            for page in PAGES:  # The first of its kind also reads templates.
                await look(browser, visits.of(page, 1))
            for _ in range(load.repetitions):
                for page in PAGES:
                    timed[page].append(await look(browser, visits.of(page, load.requests)))
                    progress.advance(bar)
    return [row(kind, page, load, repetitions) for page, repetitions in timed.items()]


def noted(batches: Iterable[Batch], dialogue_ids: list[str]) -> Iterator[Batch]:
    """Pass batches on, and note the ids of their dialogues."""
    for batch in batches:
        dialogue_ids += [each["id"] for each in batch[dialogues]]
        yield batch


async def look(browser: AsyncClient, visits: Sequence[Visit]) -> list[Timed]:
    """Ask for pages, one after the other, and for those that come next; return what each took."""
    timed = []
    for address, pages in visits:
        for _ in range(pages):
            began = time.perf_counter()
            answer = await browser.get(address)
            timed.append(((time.perf_counter() - began) * 1000, address))
            if answer.status_code not in (200, 303):
                raise RuntimeError(f"{address} was answered with {answer.status_code}")
            following = _NEXT.search(answer.text)
            if following is None:
                break
            address = html.unescape(following[1])
    return timed


def row(kind: str, page: str, load: Load, repetitions: Sequence[Sequence[Timed]]) -> Row:
    """Return the medians and ranges of what one kind of page took."""
    taken = [[taken_ms for taken_ms, _ in timed] for timed in repetitions]
    samples = {f"p{share}_ms": [percentile(each, share / 100) for each in taken] for share in (50, 95)}
    slowest_ms, address = max(timed for repetition in repetitions for timed in repetition)
    return {
        "database": kind,
        "page": page,
        "dialogues": load.dialogues,
        "turns": load.turns,
        **summary(samples, digits=1),
        "slowest_ms": round(slowest_ms, 1),
        "slowest": address,
        "requests": sum(map(len, taken)),
        "repetitions": load.repetitions,
    }


def shown(rows: Sequence[Row]) -> Table:
    """Return the rows as a table."""
    keys = ("database", "page", "p50_ms", "p95_ms", "p95_ms_range", "slowest_ms", "slowest")
    table = Table(*(key.replace("_", " ") for key in keys))
    for each in rows:
        table.add_row(*(str(each[key]) for key in keys))
    return table


def main() -> None:
    """Measure, write the result, show it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dialogues", type=int, default=100_000)
    parser.add_argument("--turns", type=int, default=10, help="of each dialogue, half of them the model's")
    parser.add_argument("--requests", type=int, default=200, help="of each page in each repetition")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--database", choices=DATABASES, action="append", help="one of them instead of both")
    parser.add_argument("--out", type=Path, help="the folder of the result, if not benchmarks/results")
    options = parser.parse_args()
    load = Load(options.dialogues, options.turns, options.requests, options.repetitions)
    console = Console()
    rows = [each for kind in options.database or DATABASES for each in asyncio.run(measure(kind, load, console))]
    path = write_results("review", rows, *[options.out] if options.out else [])
    console.print(shown(rows))
    console.print(f"written to {path}", highlight=False)


if __name__ == "__main__":
    main()
