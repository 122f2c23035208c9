"""The texts that are being written at the same time, one step after the other."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dialogue.engine.request import Request
from dialogue.engine.rows import Rows
from dialogue.engine.sampling import choose, penalise
from dialogue.errors import EngineUnavailable

if TYPE_CHECKING:
    from torch import Tensor

    from dialogue.engine.slots import SlotModel

logger = logging.getLogger(__name__)

# Between two steps at most this much of a new prompt is read: about a quarter of a second on two CPU cores with the
# embedded model, so that somebody's long history does not make the others wait much longer than that.
PROMPT_TOKENS_PER_STEP = 256


class Batch:
    """Gives each request a slot, reads its prompt piece by piece, and writes one token per step for all of them.

    What a slot still holds of an earlier text is not read again where the prompt begins with it.

    Requests beyond the number of slots wait in order. It is not safe for threads: one of them owns it.
    """

    def __init__(self, model: SlotModel) -> None:
        self._model = model
        self._waiting: deque[Request] = deque()
        self._seated: dict[int, Request] = {}
        self._rows = Rows()

    @property
    def is_empty(self) -> bool:
        """Say that there is nothing to write."""
        return not self._seated and not self._waiting

    @property
    def slots_in_use(self) -> int:
        """How many requests have a slot."""
        return len(self._seated)

    def add(self, request: Request) -> None:
        """Let the request wait for a slot."""
        self._waiting.append(request)

    def step(self) -> None:
        """Write the next token of every request whose prompt is read, and read on in one that is not.

        A failure while a prompt is read ends that request alone. Any other one is raised, and leaves the batch unfit
        for more until `recover` is called.
        """
        self._free_slots()
        self._fill_slots()
        writing = {slot: request for slot, request in self._seated.items() if request.new_tokens}
        self._read_prompt()
        if writing:
            self._write(writing)
        self._free_slots()

    def recover(self, error: EngineUnavailable) -> None:
        """End every request that has a slot with the error, and start again with empty slots."""
        for request in self._seated.values():
            request.error = error
        self._seated.clear()
        self._rows.clear()
        self._model.reset()

    def abandon(self, error: EngineUnavailable) -> None:
        """End everything, the waiting requests as well, with the error."""
        for request in (*self._seated.values(), *self._waiting):
            request.error = error
        self._seated.clear()
        self._waiting.clear()

    def _free_slots(self) -> None:
        self._seated = {slot: request for slot, request in self._seated.items() if not request.is_over}
        self._waiting = deque(request for request in self._waiting if not request.is_over)

    def _fill_slots(self) -> None:
        free = {slot for slot in range(self._model.slots) if slot not in self._seated}
        while free and self._waiting:
            request = self._waiting.popleft()
            slot = self._rows.row_for(request, free)
            self._seated[slot] = request
            free.remove(slot)

    def _read_prompt(self) -> None:
        """Read a piece of the oldest prompt that is not read yet, and draw its first token at the end of it."""
        reading = [slot for slot, request in self._seated.items() if not request.new_tokens]
        if not reading:
            return
        slot, request = reading[0], self._seated[reading[0]]
        donor = self._rows.donor_for(request)
        if donor is not None:
            self._model.copy(donor[0], slot, donor[1])
            request.reuse(donor[1])
        piece = request.tokens[request.read_tokens : request.read_tokens + PROMPT_TOKENS_PER_STEP]
        try:
            logits = self._model.next_logits([slot], [request.read_tokens], [piece])
            request.read_tokens += len(piece)
            if request.read_tokens == request.prompt_tokens:
                _draw([request], logits)
        except Exception as error:  # Whatever is wrong with this prompt, the rows of its neighbours are untouched.
            logger.exception("the model failed while a prompt of %d tokens was read", request.prompt_tokens)
            request.error = EngineUnavailable(f"the model failed: {type(error).__name__}")

    def _write(self, writing: dict[int, Request]) -> None:
        slots = sorted(writing)
        requests = [writing[slot] for slot in slots]
        logits = self._model.next_logits(
            slots, [request.read_tokens for request in requests], [request.tokens[-1:] for request in requests]
        )
        for request in requests:
            request.read_tokens += 1
        _draw(requests, logits)


def _draw(requests: Sequence[Request], logits: Tensor) -> None:
    for row, request in zip(logits, requests, strict=True):
        if request.sampling.repetition_penalty != 1.0:
            penalise(row, request.tokens, request.sampling.repetition_penalty)
    samplings = [request.sampling for request in requests]
    tokens = choose(logits, samplings, [request.next_luck() for request in requests])
    for request, token in zip(requests, tokens, strict=True):
        request.take(token)
