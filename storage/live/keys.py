"""Every Redis key and its lifetime.

| key               | kind   | holds                                                             | lives               |
|-------------------|--------|-------------------------------------------------------------------|---------------------|
| jobs              | stream | one entry per dialogue that has something to answer               | until acknowledged  |
| replies:CHANNEL   | stream | what workers wrote, until it is recorded in SQL                   | until acknowledged  |
| inbox:DIALOGUE    | list   | messages not answered yet, oldest first                           | until answered      |
| history:DIALOGUE  | list   | the turns of the dialogue, a copy of what SQL has                 | HISTORY_LIFETIME_S  |
| state:DIALOGUE    | hash   | epoch, attempt, unrecorded; of a job in flight: job, tries, taken | HISTORY_LIFETIME_S  |
| answered:DIALOGUE | zset   | the last messages that were answered in this epoch, by id         | HISTORY_LIFETIME_S  |
| alive:CONSUMER    | string | says that a worker or a recorder lives                            | ALIVE_LIFETIME_S    |
| lease:NAME        | string | who holds the lease                                               | LEASE_LIFETIME_S    |
| throttle:NAME     | string | how often something failed lately, such as a login                | THROTTLE_LIFETIME_S |
| put-aside         | stream | jobs that killed every worker that tried them                     | last PUT_ASIDE_KEPT |
| live:CHANNEL      | pubsub | drafts, and which dialogues changed                               |                     |
| passed-on:CHANNEL | pubsub | replies that another process of the channel waits for             |                     |
| interruptions     | pubsub | which dialogues were interrupted, for the workers                 |                     |
"""

from __future__ import annotations

from dataclasses import dataclass

HISTORY_LIFETIME_S = 7 * 24 * 3600
"""A dialogue that slept for longer is read from SQL again; a week keeps memory in bounds."""

HISTORY_TURNS = 400
"""More turns than any context holds; older ones stay in SQL."""

ANSWERED_KEPT = 64
"""More than may wait in a dialogue: all of them may be taken for waiting while their reply is on its way to SQL."""

ALIVE_LIFETIME_S = 2.5
"""How long after its last heartbeat a process counts as dead: with the one-second search, take-over within 5 s."""

HEARTBEAT_S = 0.8
"""Three beats fit into one lifetime, so that one late beat costs nobody a job."""

LEASE_LIFETIME_S = 4.0
PUT_ASIDE_KEPT = 1000

THROTTLE_LIFETIME_S = 300
"""Who has failed too often may try again after five minutes."""

WORKERS = "workers"
RECORDERS = "recorders"


@dataclass(frozen=True, slots=True)
class Keys:
    """Names of keys under one prefix.

    Args:
        prefix: in braces, so that on a Redis cluster all keys share one hash slot, as the scripts need.
    """

    prefix: str = "{govorun}:"

    @property
    def jobs(self) -> str:
        return f"{self.prefix}jobs"

    @property
    def put_aside(self) -> str:
        return f"{self.prefix}put-aside"

    @property
    def interruptions(self) -> str:
        return f"{self.prefix}interruptions"

    @property
    def alive(self) -> str:
        """The prefix of all heartbeats; the scripts add the consumer's name."""
        return f"{self.prefix}alive:"

    def replies(self, channel: str) -> str:
        return f"{self.prefix}replies:{channel}"

    def inbox(self, dialogue_id: str) -> str:
        return f"{self.prefix}inbox:{dialogue_id}"

    def history(self, dialogue_id: str) -> str:
        return f"{self.prefix}history:{dialogue_id}"

    def state(self, dialogue_id: str) -> str:
        return f"{self.prefix}state:{dialogue_id}"

    def answered(self, dialogue_id: str) -> str:
        return f"{self.prefix}answered:{dialogue_id}"

    def live(self, channel: str) -> str:
        return f"{self.prefix}live:{channel}"

    def passed_on(self, channel: str) -> str:
        return f"{self.prefix}passed-on:{channel}"

    def throttle(self, name: str) -> str:
        return f"{self.prefix}throttle:{name}"

    def lease(self, name: str) -> str:
        return f"{self.prefix}lease:{name}"

    def dialogue(self, dialogue_id: str) -> list[str]:
        """The keys that every script on a dialogue takes first, in its order."""
        kinds = (self.inbox, self.history, self.state, self.answered)
        return [self.jobs, *(name(dialogue_id) for name in kinds)]
