"""What was promoted is known to all, in order, and taken back as a whole."""

from __future__ import annotations

import pytest

from dialogue.errors import PromotionError
from storage.log.sql_log import SqlLog
from tests.storage.conftest import Clock

PROOF = {"report": "report"}


async def promote(log: SqlLog, adapter: str, share: float = 1.0, seed: str = "support") -> int:
    async with log.writing() as writing:
        return (await writing.promote(seed, seed, adapter, share, PROOF)).id


async def test_promotions_are_read_in_order(log: SqlLog, clock: Clock) -> None:
    first = await promote(log, "a", 0.1)
    clock.now += 5
    second = await promote(log, "b")

    found = await log.promotions()

    assert [(each.id, each.adapter, each.share) for each in found] == [(first, "a", 0.1), (second, "b", 1.0)]
    assert found[1].began_at == found[0].began_at + 5


async def test_going_back_takes_all_shares_of_the_last_and_leaves_what_was_before(log: SqlLog) -> None:
    before = await promote(log, "a")
    await promote(log, "b", 0.1)
    async with log.writing() as writing:
        await writing.change_share("support", 0.5)
    elsewhere = await promote(log, "b", seed="small-talk")

    async with log.writing() as writing:
        gone = await writing.withdraw("support")

    assert [(each.adapter, each.share) for each in gone] == [("b", 0.1), ("b", 0.5)]
    assert [each.id for each in await log.promotions()] == [before, elsewhere]


async def test_there_is_no_share_of_nothing(log: SqlLog) -> None:
    with pytest.raises(PromotionError, match="nothing is promoted in the place of support"):
        async with log.writing() as writing:
            await writing.change_share("support", 0.5)


async def test_the_files_of_an_adapter_are_kept_for_the_workers(log: SqlLog) -> None:
    for _ in range(2):
        async with log.writing() as writing:
            await writing.keep_adapter("a", {"config.json": b"{}", "weights": bytes(range(256))})

    assert await log.adapter_files("a") == {"config.json": b"{}", "weights": bytes(range(256))}
    assert await log.adapter_files("b") == {}
