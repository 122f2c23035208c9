from __future__ import annotations

import sqlite3
from pathlib import Path
from random import Random

import httpx
import pytest

from benchmarks.bulk import fill
from benchmarks.full_log import FullLog
from benchmarks.review import PAGES, Load, look, row
from benchmarks.review_desk import desk, employ
from benchmarks.review_visits import Visits

LOAD = Load(dialogues=100, turns=10, requests=3, repetitions=2)


def test_a_row_has_the_percentiles_of_the_median_repetition_and_the_slowest_address() -> None:
    first = [(float(taken_ms), f"/review?after={taken_ms}") for taken_ms in range(1, 101)]
    second = [(2 * taken_ms, address) for taken_ms, address in first]

    assert row("sqlite", "inbox", LOAD, [first, second]) == {
        "database": "sqlite",
        "page": "inbox",
        "dialogues": 100,
        "turns": 10,
        "p50_ms": 75.0,
        "p50_ms_range": [50.0, 100.0],
        "p95_ms": 142.5,
        "p95_ms_range": [95.0, 190.0],
        "slowest_ms": 200.0,
        "slowest": "/review?after=100",
        "requests": 200,
        "repetitions": 2,
    }


@pytest.mark.parametrize("page", PAGES)
def test_there_are_as_many_visits_as_wanted_or_few_more(page: str) -> None:
    visits = Visits(["5eed"], 1_700_000_000.0, 90, Random(1))

    asked = sum(pages for _, pages in visits.of(page, 200))

    assert 200 <= asked < 220


def test_visits_are_the_same_for_the_same_chance() -> None:
    once, again = (Visits(["5eed"], 1_700_000_000.0, 90, Random(1)).of("search", 50) for _ in range(2))

    assert once == again
    assert len(set(once)) > 40


async def test_paging_on_goes_where_the_page_leads() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.raw_path.decode())
        following = f'<a class="more" href="/review?order=newest&amp;after={len(asked)}" rel="next">' * (len(asked) < 3)
        return httpx.Response(200, text=following)

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url="http://desk") as browser:
        timed = await look(browser, [("/review?order=newest", 20)])

    assert asked == ["/review?order=newest", "/review?order=newest&after=1", "/review?order=newest&after=2"]
    assert [address for _, address in timed] == asked


async def test_a_page_that_is_refused_is_no_measurement() -> None:
    transport = httpx.MockTransport(lambda request: httpx.Response(500))

    async with httpx.AsyncClient(transport=transport, base_url="http://desk") as browser:
        with pytest.raises(RuntimeError, match="/review was answered with 500"):
            await look(browser, [("/review", 1)])


async def test_every_page_of_the_review_can_be_asked_for(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'log.db'}"
    now = 1_700_000_000.0
    await fill(url, FullLog(150, 4, now, await employ(url)).batches())
    with sqlite3.connect(tmp_path / "log.db") as database:
        ids = [id for (id,) in database.execute("SELECT id FROM dialogues")]
    database.close()
    visits = Visits(ids, now, 90, Random(1))

    async with desk(url) as browser:
        timed = {page: await look(browser, visits.of(page, 25)) for page in PAGES}
        inbox = await browser.get("/review")

    assert all(len(each) >= 10 for each in timed.values())
    assert 'rel="next"' in inbox.text
