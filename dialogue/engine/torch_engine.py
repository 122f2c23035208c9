"""Runs a model in this process: one thread does the steps, the event loop hands requests over and gets text back."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from queue import SimpleQueue

import torch

from dialogue.engine.models.adapter_file import read_adapter
from dialogue.engine.models.loading import LoadedModel
from dialogue.engine.pace import Pace
from dialogue.engine.slots.batch import CPU_STEP, GPU_STEP, Batch
from dialogue.engine.slots.recorders import CudaRecorder, Recorder
from dialogue.engine.slots.request import Request
from dialogue.engine.slots.room import budget_bytes, rows_that_fit
from dialogue.engine.slots.rows import common_beginning
from dialogue.engine.slots.slot_model import SlotModel
from dialogue.errors import EngineUnavailable, ModelRefused, PromptTooLong
from dialogue.ports import Publish
from dialogue.turns import Completion, Prompt

logger = logging.getLogger(__name__)

# On two CPU cores 32 texts come to about eight times the tokens of one; with more, each of them gets slower than people
# read. A GPU reads its weights for 256 texts in the time that it takes for one.
_PLACES = {"cpu": 32, "cuda": 256}

# How many seeds' tokens are remembered; a seed of 300 tokens takes a millisecond to encode.
_SEEDS = 64


@asynccontextmanager
async def torch_engine(
    loaded: LoadedModel,
    slots: int | None = None,
    cache_gb: float | None = None,
    clock: Callable[[], float] = time.monotonic,
    recorder: Recorder | None = None,
) -> AsyncIterator[TorchEngine]:
    """Run the model in a thread of its own until the block is left; what is in flight then is given up.

    Args:
        slots: how many texts are written at the same time; None for what suits the device.
        cache_gb: the most memory for keys and values, in 10^9 bytes; None for a share of what is free.
        recorder: how the steps of a few fixed shapes are repeated; None for what suits the device.

    Raises:
        ModelRefused: there is not enough memory for a single dialogue.
    """
    budget = budget_bytes(loaded.model.device) if cache_gb is None else int(cache_gb * 1e9)
    # A CPU does a step no faster for having done it before, and would pay for what fills it up.
    if recorder is None and loaded.device == "cuda":
        recorder = CudaRecorder(loaded.model.device)
    engine = TorchEngine(loaded, slots or _PLACES[loaded.device], budget, clock, recorder)
    engine.start()
    try:
        yield engine
    finally:
        await engine.close()


@dataclass(slots=True, eq=False)
class _Call:
    """A request and who waits for it; the future and `publish` are touched by the event loop alone."""

    request: Request
    publish: Publish
    future: asyncio.Future[Completion]
    started: float
    first_token_at: float = 0.0
    pace: Pace = field(default_factory=Pace)


@dataclass(slots=True, eq=False)
class _Errand:
    """Something that the engine's thread is to do between two steps, and who waits for it."""

    action: Callable[[], None]
    future: asyncio.Future[None]


class TorchEngine:
    """Continues prompts with a model of transformers, many at the same time; it belongs to one event loop."""

    def __init__(
        self, loaded: LoadedModel, slots: int, budget: int, clock: Callable[[], float], recorder: Recorder | None
    ) -> None:
        self.model = loaded.name
        self.revision = loaded.revision
        self.context_tokens = loaded.context_tokens
        self._vocabulary = loaded.vocabulary
        self._rack = loaded.rack
        self._seed_tokens = lru_cache(_SEEDS)(loaded.vocabulary.encode_prompt)
        self._clock = clock
        rows = rows_that_fit(slots, loaded.context_tokens, loaded.bytes_per_token, budget)
        self.slots = min(slots, rows)
        self._batch = Batch(
            _slot_model(loaded, rows, loaded.context_tokens, recorder),
            self.slots,
            GPU_STEP if loaded.device == "cuda" else CPU_STEP,
        )
        self._arriving: SimpleQueue[_Call | _Errand | None] = SimpleQueue()
        self._calls: list[_Call] = []
        self._loop = asyncio.get_running_loop()
        self._is_open = False
        self._thread = threading.Thread(target=self._work, name="engine", daemon=True)

    @property
    def slots_in_use(self) -> int:
        """How many texts are being written at this moment."""
        return self._batch.slots_in_use

    def start(self) -> None:
        """Start the thread."""
        self._is_open = True
        self._thread.start()

    async def close(self) -> None:
        """Give up what is in flight and end the thread."""
        self._is_open = False
        self._arriving.put(None)
        await asyncio.to_thread(self._thread.join)

    def count_tokens(self, text: str) -> int:
        """Return the number of tokens of the text, the model's own opening token included."""
        return len(self._vocabulary.encode_prompt(text))

    async def generate(self, prompt: Prompt, publish: Publish) -> Completion:
        """Continue the prompt; it waits while all slots are taken."""
        started = self._clock()
        if prompt.adapter is not None and prompt.adapter not in self._rack.names:
            raise ModelRefused(f"there is no adapter {prompt.adapter!r}: add it before it is asked for")
        tokens = self._vocabulary.encode_prompt(prompt.text)
        if not tokens:
            raise ValueError("there is no text to continue")
        to_write = prompt.sampling.max_new_tokens
        if len(tokens) + to_write > self.context_tokens:
            raise PromptTooLong(
                f"the prompt has {len(tokens)} tokens; with {to_write} to write it exceeds {self.context_tokens}"
            )
        if not self._is_open:
            raise EngineUnavailable("the engine is closed")
        seed = self._seed_tokens(prompt.text[: prompt.fixed_chars]) if prompt.fixed_chars else []
        # Its last token may be joined to what follows.
        seed_tokens = common_beginning(seed, tokens, min(len(seed), len(tokens)))
        request = Request(prompt, tokens, self._vocabulary, seed_tokens)
        call = _Call(request, publish, self._loop.create_future(), started)
        self._arriving.put(call)
        try:
            return await call.future
        finally:
            # Of no effect once it is over; else the awaiting task was cancelled, and the next step frees the slot.
            request.is_cancelled = True

    async def add_adapter(self, name: str, folder: Path) -> None:
        """See `Engine.add_adapter`; a name that is taken is refused."""
        adapter = await asyncio.to_thread(read_adapter, folder)
        await self._between_steps(lambda: self._rack.add(name, adapter))

    async def remove_adapter(self, name: str) -> None:
        """Forget an adapter; what is being written with it ends with `EngineUnavailable`.

        Raises:
            ModelRefused: there is none of this name.
        """

        def remove() -> None:
            self._rack.remove(name)
            self._batch.forget(name, EngineUnavailable(f"the adapter {name!r} was taken away"))

        await self._between_steps(remove)

    async def _between_steps(self, action: Callable[[], None]) -> None:
        if not self._is_open:
            raise EngineUnavailable("the engine is closed")
        errand = _Errand(action, self._loop.create_future())
        self._arriving.put(errand)
        await errand.future

    def _work(self) -> None:
        with torch.inference_mode():
            while self._take_in():
                try:
                    self._batch.step()
                except Exception as error:
                    logger.exception("the model failed while %d texts were written", self._batch.slots_in_use)
                    self._batch.recover(EngineUnavailable(f"the model failed: {type(error).__name__}"))
                self._report()
        self._batch.abandon(EngineUnavailable("the engine is closing"))
        self._report()

    def _take_in(self) -> bool:
        """Take over what has arrived, waiting for something where there is nothing to do; False to end."""
        while self._batch.is_empty or not self._arriving.empty():
            arrived = self._arriving.get()
            if arrived is None:
                return False
            if isinstance(arrived, _Errand):
                self._run(arrived)
            else:
                self._calls.append(arrived)
                self._batch.add(arrived.request)
        return True

    def _run(self, errand: _Errand) -> None:
        error: Exception | None = None
        try:
            errand.action()
        except Exception as raised:  # It is for whoever asked for it.
            error = raised
        self._loop.call_soon_threadsafe(_settle_errand, errand, error)
        self._report()

    def _report(self) -> None:
        """Hand new text and ended requests to the event loop."""
        now = self._clock()
        for call in self._calls:
            if call.request.new_tokens and not call.first_token_at:
                call.first_token_at = now
            if call.request.is_over:
                self._loop.call_soon_threadsafe(_settle, call, now)
            elif call.pace.is_due(len(call.request.text), now):
                self._loop.call_soon_threadsafe(_show, call, call.request.text)
        self._calls = [call for call in self._calls if not call.request.is_over]


def _slot_model(loaded: LoadedModel, rows: int, row_tokens: int, recorder: Recorder | None = None) -> SlotModel:
    return SlotModel(loaded.model, rows, row_tokens, loaded.dtype, loaded.rack, recorder)


def _show(call: _Call, text: str) -> None:
    if not call.future.done():
        call.publish(text)


def _settle_errand(errand: _Errand, error: Exception | None) -> None:
    if errand.future.done():  # Cancelled.
        return
    if error is not None:
        errand.future.set_exception(error)
    else:
        errand.future.set_result(None)


def _settle(call: _Call, now: float) -> None:
    request = call.request
    if call.future.done():  # Cancelled.
        return
    if request.error is not None:
        call.future.set_exception(request.error)
    elif request.stop is not None:
        call.future.set_result(
            Completion(
                text=request.text,
                stop=request.stop,
                prompt_tokens=request.prompt_tokens,
                reused_tokens=request.reused_tokens,
                new_tokens=request.new_tokens,
                first_token_s=call.first_token_at - call.started,
                duration_s=now - call.started,
                likelihood=request.likelihood,
            )
        )
