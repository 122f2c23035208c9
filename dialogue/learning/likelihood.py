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


def surprises(
    loaded: LoadedModel,
    side: Side,
    adapter: str | None,
    dialogues: Sequence[HeldOut],
    done: Callable[[], None] = lambda: None,
) -> list[list[Surprise | None]]:
    """Compute how unexpected each reply of each dialogue was, as the engine would have read it.

    One row of keys and values serves all replies: what a prompt shares with the one before it, the seed or the dialogue
    so far, is not read again. The output layer, most of the work for a vocabulary of 262,144 words, sees only the
    positions of the reply. What ends a reply is not counted: trainers differ in what they put there.

    Args:
        adapter: the name under which the model has the side's adapter; None for none.
        done: called after each dialogue.

    Returns:
        For each dialogue its replies; None where one does not fit the model's context.
    """
    reader = _Reader(loaded, adapter)
    found = []
    with torch.inference_mode():
        for dialogue in dialogues:
            found.append([reader.surprise(reply, side) for reply in dialogue.replies])
            done()
    return found


async def surprises_beside(
    loaded: LoadedModel, side: Side, adapter: str | None, dialogues: Sequence[HeldOut], done: Callable[[], None]
) -> list[list[Surprise | None]]:
    """Do the same beside the event loop; if that is cancelled, it ends with the dialogue at hand."""
    loop = asyncio.get_running_loop()
    is_wanted = True

    def count() -> None:
        if not is_wanted:
            raise InterruptedError("nobody waits for it any more")
        loop.call_soon_threadsafe(done)

    try:
        return await asyncio.to_thread(surprises, loaded, side, adapter, dialogues, count)
    finally:
        is_wanted = False


class _Reader:
    """Reads texts into one row, and asks how likely their ends are."""

    def __init__(self, loaded: LoadedModel, adapter: str | None) -> None:
        self._loaded = loaded
        self._adapters = [adapter]
        self._model = SlotModel(loaded.model, 1, loaded.context_tokens, loaded.dtype, loaded.rack)
        self._held: list[int] = []

    def surprise(self, reply: Approved, side: Side) -> Surprise | None:
        completion = completion_for(reply, side)
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
        return Surprise(self._nats(tokens, len(prompt)), len(tokens) - len(prompt), len(reply.text))

    def _nats(self, tokens: list[int], start: int) -> float:
        """Return the negative log-likelihood of the tokens from `start` on."""
        # The last token of the prompt is read together with the reply: the first word's logits are behind it.
        before = start - 1
        known = common_beginning(self._held, tokens, min(len(self._held), before))
        if known < before:
            self._model.read(0, [known], [tokens[known:before]], self._adapters)
        logits = self._model.guessed_logits(0, [before], [tokens[before:-1]], self._adapters)[0]
        self._held = tokens[:-1]
        wanted = torch.tensor(tokens[start:], device=logits.device)
        chosen = logits.gather(1, wanted[:, None])[:, 0]
        # In double precision: hundreds of small numbers are added up.
        each = (torch.logsumexp(logits, dim=-1) - chosen).double()
        return math.fsum(each.tolist())
