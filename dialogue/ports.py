"""What the dialogue needs from the world around it: each Protocol as narrow as its one user needs.

Implementations are in `storage` and `dialogue.engine`, fakes in `tests/fakes.py`; one contract test runs over both.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from dialogue.turns import Completion, Dialogue, Message, Prompt, Reply

Publish = Callable[[str], None]
"""Takes the whole text written so far; called from the event loop, must not block."""


class Engine(Protocol):
    """Continues a prompt."""

    @property
    def model(self) -> str:
        """The model's name, as shown to operators."""

    @property
    def revision(self) -> str:
        """Exactly which weights: a commit, or a hash of the files."""

    @property
    def context_tokens(self) -> int:
        """The most tokens that prompt and new text may have together."""

    @property
    def slots(self) -> int:
        """How many prompts are worth continuing at the same time."""

    def count_tokens(self, text: str) -> int:
        """Return the number of tokens of `text` as the engine would encode it."""

    async def generate(self, prompt: Prompt, publish: Publish) -> Completion:
        """Continue the prompt until a stop string, the end of text or the length limit.

        Cancelling the awaiting task frees what the generation held.

        Raises:
            EngineUnavailable: worth another try later.
            PromptTooLong: prompt and `max_new_tokens` do not fit `context_tokens`.
        """

    async def add_adapter(self, name: str, folder: Path) -> None:
        """Load a LoRA adapter in PEFT's format, with which prompts can be continued from now on.

        Raises:
            ModelRefused: it is not one, was made for another model, or this engine takes none.
        """


@dataclass(frozen=True, slots=True)
class Job:
    """Messages of one dialogue that a worker has claimed and is to answer together.

    Args:
        dialogue_id: which dialogue; of no meaning here.
        seed: the seed's name.
        settings: what people changed in this chat, by name; see `dialogue.choices`.
        messages: one or more of `Ask.SAY`, or exactly one of another kind.
        channel: where the reply is to go.
        message_ids: their ids, in the same order.
        after: the last reply that the log had when they arrived; a history without it is out of date.
        age_s: seconds since the first of them arrived.
        tries: how many workers have started on it, this one included.
        attempt: the fencing number; a write with an older one is refused.
        epoch: counts the interruptions of the dialogue (cancel, undo, new).
        ticket: the storage's own mark of the claim.
    """

    dialogue_id: str
    channel: str
    seed: str
    settings: dict[str, str]
    messages: tuple[Message, ...]
    message_ids: tuple[str, ...]
    after: str
    age_s: float
    tries: int
    attempt: int
    epoch: int
    ticket: str


@dataclass(frozen=True, slots=True)
class Interruption:
    """A dialogue was cancelled, undone or begun anew: jobs of an older epoch are void."""

    dialogue_id: str
    epoch: int


class Jobs(Protocol):
    """Where a worker gets its work."""

    async def claim(self, limit: int, is_idle: bool) -> Sequence[Job]:
        """Wait a moment for jobs and claim up to `limit` of them; may return none.

        A job whose last worker died is suspected of having killed it. It is handed out alone, and only to a worker that
        is idle, so that it takes no other dialogue with it when it kills again.

        Raises:
            StorageUnavailable: worth another try later.
        """

    async def finish(self, job: Job, recalled: Dialogue, reply: Reply) -> None:
        """Write both turns into the history, hand the reply on and acknowledge the job, all or nothing.

        Args:
            recalled: the history as `History.recall` gave it for this job.

        Raises:
            StaleJob: somebody else has the job now; nothing was written.
            StorageUnavailable: worth another try later.
        """

    async def hand_back(self, job: Job) -> None:
        """Give the job to another worker at once, as if it had not been started.

        Raises:
            StorageUnavailable: the job will be taken over once this worker is gone.
        """

    def interruptions(self) -> AsyncIterator[Interruption]:
        """Yield the interruptions of dialogues as they happen, for ever."""

    def publish_draft(self, job: Job, text: str) -> None:
        """Show people the text written so far; drops it rather than wait."""


class History(Protocol):
    """What was said in a dialogue before the job's messages."""

    async def recall(self, job: Job) -> Dialogue:
        """Return the turns so far, oldest first.

        Raises:
            StorageUnavailable: worth another try later.
        """
