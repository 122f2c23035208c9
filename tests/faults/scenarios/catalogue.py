"""Every scenario, in the order of the guarantees."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from tests.faults.load import Size
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

Scenario = Callable[[Size], Awaitable[Result]]

SCENARIOS: dict[str, Scenario] = {
    "polling-crash": polling_crash,
    "webhook-outage": webhook_outage,
    "repeated-updates": repeated_updates,
    "worker-crash": worker_crash,
    "bot-crash": bot_crash,
    "zombie-worker": zombie_worker,
    "zombie-bot": zombie_bot,
    "long-jobs": long_jobs,
    "order": order,
    "poison": poison,
    "redis-crash": redis_crash,
    "redis-stall": redis_stall,
    "late-workers": late_workers,
    "rolling-restart": rolling_restart,
    "up-crash": up_crash,
    "model-faults": model_faults,
    "cancelling": cancelling,
    "limits": limits,
    "refusals": refusals,
}
