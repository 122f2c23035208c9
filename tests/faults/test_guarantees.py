"""The guarantees of `docs/guarantees.md`, each shown in the small size of its scenario."""

from __future__ import annotations

from tests.faults.load import SMALL
from tests.faults.result import Result
from tests.faults.scenarios.bot_crash import bot_crash
from tests.faults.scenarios.cancelling import cancelling
from tests.faults.scenarios.late_workers import late_workers
from tests.faults.scenarios.limits import limits
from tests.faults.scenarios.long_jobs import long_jobs
from tests.faults.scenarios.model_faults import model_faults
from tests.faults.scenarios.order import order
from tests.faults.scenarios.poison import poison
from tests.faults.scenarios.polling_crash import polling_crash
from tests.faults.scenarios.redis_crash import redis_crash, redis_stall
from tests.faults.scenarios.refusals import refusals
from tests.faults.scenarios.repeated_updates import repeated_updates
from tests.faults.scenarios.rolling_restart import rolling_restart
from tests.faults.scenarios.up_crash import up_crash
from tests.faults.scenarios.webhook_outage import webhook_outage
from tests.faults.scenarios.worker_crash import worker_crash
from tests.faults.scenarios.zombies import zombie_bot, zombie_worker


def assert_kept(result: Result) -> None:
    assert (result.lost, result.doubled, result.complaints) == (0, 0, ())


async def test_a_killed_bot_loses_nothing_and_marks_what_it_may_have_sent_twice() -> None:
    assert_kept(await bot_crash(SMALL))


async def test_an_update_is_durable_before_it_is_confirmed() -> None:
    assert_kept(await polling_crash(SMALL))


async def test_an_update_is_handled_once_however_often_it_comes() -> None:
    assert_kept(await repeated_updates(SMALL))


async def test_every_process_can_be_restarted_without_anybody_noticing() -> None:
    assert_kept(await rolling_restart(SMALL))


async def test_what_govorun_up_runs_goes_on_where_it_was_killed() -> None:
    assert_kept(await up_crash(SMALL))


async def test_a_bot_that_stood_still_sends_nothing_twice() -> None:
    assert_kept(await zombie_bot(SMALL))


async def test_a_killed_worker_neither_loses_nor_doubles_a_reply() -> None:
    assert_kept(await worker_crash(SMALL))


async def test_a_failing_model_server_costs_a_message_at_most_an_apology() -> None:
    assert_kept(await model_faults(SMALL))


async def test_losing_redis_loses_nothing_that_was_said() -> None:
    assert_kept(await redis_crash(SMALL))


async def test_a_redis_that_stands_still_holds_nothing_back_for_ever() -> None:
    assert_kept(await redis_stall(SMALL))


async def test_a_poisonous_message_is_put_aside_and_harms_nobody_else() -> None:
    assert_kept(await poison(SMALL))


async def test_the_webhook_takes_only_what_it_has_kept() -> None:
    assert_kept(await webhook_outage(SMALL))


async def test_the_late_result_of_a_worker_that_stood_still_is_refused() -> None:
    assert_kept(await zombie_worker(SMALL))


async def test_a_long_reply_of_a_living_worker_is_written_once() -> None:
    assert_kept(await long_jobs(SMALL))


async def test_everybody_is_answered_in_turn_however_fast_they_write() -> None:
    assert_kept(await order(SMALL))


async def test_telegrams_limits_are_kept_and_a_pause_holds_up_one_chat_only() -> None:
    assert_kept(await limits(SMALL))


async def test_blocked_chats_moved_groups_and_other_pollers_are_met_as_they_should_be() -> None:
    assert_kept(await refusals(SMALL))


async def test_what_is_called_off_is_not_answered_and_frees_its_place() -> None:
    assert_kept(await cancelling(SMALL))


async def test_what_waits_for_workers_waits_untrimmed() -> None:
    assert_kept(await late_workers(SMALL))
