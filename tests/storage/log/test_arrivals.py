"""Updates: kept before anything is done with them, handled once."""

from __future__ import annotations

from storage.log.sql_log import SqlLog
from tests.storage.conftest import Clock


async def test_an_update_is_kept_until_it_is_handled(log: SqlLog) -> None:
    async with log.writing() as writing:
        assert await writing.store_updates(1, [(8, '{"b": 1}'), (7, '{"a": 1}')]) == [8, 7]

    assert await log.pending_updates(1) == [(7, '{"a": 1}'), (8, '{"b": 1}')]
    assert await log.pending_updates(1, limit=1) == [(7, '{"a": 1}')]
    assert await log.pending_updates(2) == []

    async with log.writing() as writing:
        assert await writing.take_update(1, 7)

    assert await log.pending_updates(1) == [(8, '{"b": 1}')]


async def test_an_update_that_comes_again_is_not_new(log: SqlLog) -> None:
    async with log.writing() as writing:
        await writing.store_updates(1, [(7, "{}")])
        await writing.take_update(1, 7)

    async with log.writing() as writing:
        assert await writing.store_updates(1, [(7, "{}"), (8, "{}"), (8, "{}")]) == [8]
        assert await writing.store_updates(2, [(7, "{}")]) == [7]
        assert await writing.store_updates(1, []) == []
        assert not await writing.take_update(1, 7)


async def test_an_update_is_not_handled_where_the_transaction_fails(log: SqlLog) -> None:
    async with log.writing() as writing:
        await writing.store_updates(1, [(7, "{}")])

    try:
        async with log.writing() as writing:
            assert await writing.take_update(1, 7)
            raise KeyError("a bug")
    except KeyError:
        pass

    assert await log.pending_updates(1) == [(7, "{}")]


async def test_only_old_and_handled_updates_are_dropped(log: SqlLog, clock: Clock) -> None:
    async with log.writing() as writing:
        await writing.store_updates(1, [(7, "{}"), (8, "{}")])
        await writing.take_update(1, 7)
    clock.now += 100
    async with log.writing() as writing:
        await writing.store_updates(1, [(9, "{}")])
        await writing.take_update(1, 9)

        assert await writing.drop_old_updates(older_than_s=50) == 1
        assert await writing.drop_old_updates(older_than_s=50) == 0
        assert await writing.store_updates(1, [(7, "{}"), (8, "{}"), (9, "{}")]) == [7]
