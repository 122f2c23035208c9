"""What the processes count and measure, for Prometheus.

Every process writes into the folder `PROMETHEUS_MULTIPROC_DIR`, which has to be in the environment before this module
is imported; the web process adds them up (`exposition`). Without it a process shows its own numbers.
"""

from __future__ import annotations

import os

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from storage.records import Finished

# From "at once" to the minute after which a person gives up.
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)

QUEUE_LENGTH = Gauge("govorun_queue_length", "Jobs that no worker has taken yet.", multiprocess_mode="mostrecent")
JOBS_IN_HAND = Gauge("govorun_jobs_in_hand", "Jobs that workers are at.", multiprocess_mode="mostrecent")
LIVE_WORKERS = Gauge("govorun_live_workers", "Workers with a heartbeat.", multiprocess_mode="mostrecent")
OPEN_PAGES = Gauge("govorun_open_pages", "Chat pages that are open now.", multiprocess_mode="livesum")
MESSAGES = Counter("govorun_messages", "Messages of people that were taken.", ["channel"])
REPLIES = Counter("govorun_replies", "Jobs that ended, by what the person got.", ["channel", "outcome"])
TOKENS = Counter("govorun_tokens", "Tokens of prompts (prompt: reused or computed) and of replies (new).", ["kind"])
QUEUE_SECONDS = Histogram(
    "govorun_queue_seconds", "From a message's arrival to the start of its generation.", buckets=_SECONDS
)
FIRST_TOKEN_SECONDS = Histogram(
    "govorun_first_token_seconds", "From the start of a generation to its first token.", buckets=_SECONDS
)
GENERATION_SECONDS = Histogram("govorun_generation_seconds", "Length of a generation.", buckets=_SECONDS)
ERRORS = Counter("govorun_errors", "Errors, by kind.", ["kind"])


def count_reply(finished: Finished) -> None:
    """Count a recorded reply and measure every generation that it took."""
    reply = finished.reply
    REPLIES.labels(finished.channel, reply.outcome.value).inc()
    for generation in reply.generations:
        completion = generation.completion
        TOKENS.labels("prompt").inc(completion.prompt_tokens)
        TOKENS.labels("reused").inc(completion.reused_tokens)
        TOKENS.labels("computed").inc(completion.prompt_tokens - completion.reused_tokens)
        TOKENS.labels("new").inc(completion.new_tokens)
        QUEUE_SECONDS.observe(generation.queued_s)
        FIRST_TOKEN_SECONDS.observe(completion.first_token_s)
        GENERATION_SECONDS.observe(completion.duration_s)


def count_error(error: BaseException) -> None:
    """Count an error under the name of its class."""
    ERRORS.labels(type(error).__name__).inc()


def exposition() -> bytes:
    """Return the metrics of all processes in Prometheus's text format."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # registers itself
    return generate_latest(registry)
