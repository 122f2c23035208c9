"""How likely a model finds the replies that people approved, each behind what was really said before it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from dialogue.engine.models.loading import LoadedModel
from dialogue.engine.slots.rows import common_beginning
from dialogue.engine.slots.slot_model import SlotModel
from dialogue.errors import PromptTooLong
from dialogue.learning.held_out import Approved, HeldOut
from dialogue.learning.sides import Side, completion_for, prompt_for

# So many tokens are read in one pass: the logits of a vocabulary of 262,144 words take 268 MB then, at most.
_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class Surprise:
    """How little a reply was expected.

    Args:
        nats: the negative log-likelihood of its tokens, summed up; natural logarithm, temperature 1.
        tokens: how many these are.
        characters: how many characters they are.
    """

    nats: float
    tokens: int
    characters: int


async def surprises_beside(
    reader: Reader, side: Side, dialogues: Sequence[HeldOut], done: Callable[[], None]
) -> list[list[Surprise | None]]:
    """Compute `Reader.surprises` beside the event loop; if that is cancelled, it ends with the dialogue at hand."""
    loop = asyncio.get_running_loop()
    is_wanted = True

    def count() -> None:
        if not is_wanted:
            raise InterruptedError("nobody waits for it any more")
        loop.call_soon_threadsafe(done)

    try:
        return await asyncio.to_thread(reader.surprises, side, dialogues, count)
    finally:
        is_wanted = False


class Reader:
    """Reads texts into one row, and asks how likely their ends are.

    What a text shares with the one before it, such as the seed, is not read again, and a dialogue with all its replies
    is read in one go. The output layer, most of the work for a vocabulary of 262,144 words, sees only the positions of
    the replies. What ends a reply is not counted: trainers differ in what they put there.

    Args:
        adapter: the name under which the model has the adapter that texts are read with; None for none.
    """

    def __init__(self, loaded: LoadedModel, adapter: str | None = None) -> None:
        self._loaded = loaded
        self._adapter = adapter
        self._model = SlotModel(loaded.model, 1, loaded.context_tokens, loaded.dtype, loaded.rack)
        self._held: list[int] = []

    def surprises(
        self, side: Side, dialogues: Sequence[HeldOut], done: Callable[[], None] = lambda: None
    ) -> list[list[Surprise | None]]:
        """Compute how unexpected each reply of each dialogue was, as the engine would have read it.

        Args:
            done: called after each dialogue.

        Returns:
            For each dialogue its replies; None where one does not fit the model's context.
        """
        found = []
        with torch.inference_mode():
            for dialogue in dialogues:
                lines = [self._line(reply, side) for reply in dialogue.replies]
                nats = {number: each for run in _runs(lines) for number, each in self._nats(run).items()}
                found.append(
                    [
                        None if line is None else Surprise(nats[number], len(line.tokens) - line.start, len(reply.text))
                        for number, (line, reply) in enumerate(zip(lines, dialogue.replies, strict=True))
                    ]
                )
                done()
        return found

    def _line(self, reply: Approved, side: Side) -> _Line | None:
        """Return the tokens of a prompt and its reply; None where they do not fit the model's context."""
        completion = completion_for(reply, side)
        if not completion:
            return None
        encode = self._loaded.vocabulary.encode_prompt
        # The same room for the reply on either side, and as much as the worker keeps.
        room = max(side.seed_for(reply.seed).sampling.max_new_tokens, len(self._loaded.vocabulary.encode(completion)))
        try:
            text = prompt_for(reply, side, self._loaded.context_tokens, room, lambda text: len(encode(text)))
        except PromptTooLong:
            return None
        prompt = encode(text)
        tokens = encode(text + completion)
        if tokens[: len(prompt)] != prompt:
            # A token reaches over the border; the engine, which is given the prompt alone, cannot write that one.
            tokens = prompt + self._loaded.vocabulary.encode(completion)
        return _Line(tokens, len(prompt))

    def _nats(self, run: _Run) -> dict[int, float]:
        """Return the negative log-likelihood of each reply of a run."""
        tokens = run.tokens
        foretold = sorted({at for places in run.places.values() for at in places})
        # The first word's logits are behind the last token of its prompt, which is read in any case.
        known = common_beginning(self._held, tokens, min(len(self._held), foretold[0] - 1))
        nats: dict[int, float] = {}
        for start in range(known, len(tokens) - 1, _AT_ONCE):
            piece = tokens[start : min(start + _AT_ONCE, len(tokens) - 1)]
            wanted = [at for at in foretold if start < at <= start + len(piece)]
            if not wanted:
                self._model.read(0, [start], [piece], [self._adapter])
                continue
            logits = self._model.logits_behind(start, piece, [at - 1 - start for at in wanted], self._adapter)
            chosen = logits.gather(1, torch.tensor([[tokens[at]] for at in wanted], device=logits.device))[:, 0]
            nats |= zip(wanted, (torch.logsumexp(logits, dim=-1) - chosen).tolist(), strict=True)
        self._held = tokens[:-1]
        # In double precision: hundreds of small numbers are added up.
        return {number: math.fsum(nats[at] for at in places) for number, places in run.places.items()}


@dataclass(frozen=True, slots=True)
class _Line:
    """A prompt and its reply, which begins at `start`."""

    tokens: list[int]
    start: int


@dataclass(frozen=True, slots=True)
class _Run:
    """Replies that are read in one go.

    Args:
        places: where in the tokens each reply is, by its number.
    """

    tokens: list[int]
    places: dict[int, range]


def _runs(lines: Sequence[_Line | None]) -> list[_Run]:
    """Put replies together where a prompt goes on where the reply before it ended."""
    runs: list[_Run] = []
    for number, line in enumerate(lines):
        if line is None:
            continue
        places = {number: range(line.start, len(line.tokens))}
        if runs and line.tokens[: len(runs[-1].tokens)] == runs[-1].tokens:
            places = runs.pop().places | places
        runs.append(_Run(line.tokens, places))
    return runs
