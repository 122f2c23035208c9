"""What is seen of a training while it runs, and how it is ended: by Ctrl-C, by time, and never without a checkpoint."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any

from transformers import TrainerCallback

# What a killed process has to do again at most.
_CHECKPOINT_S = 120.0


@dataclass(frozen=True, slots=True)
class Moment:
    """How far a training is.

    Args:
        loss: of the last step, None before the first.
        held_out: the last loss on the held-out rows, None where there is none yet.
        is_ending: whether it was told to end after this step, which may take minutes.
        checked: which share of the held-out rows has been read, from 0 to 1; None where they are not being read.
    """

    step: int
    steps: int
    loss: float | None
    held_out: float | None
    is_ending: bool = False
    checked: float | None = None


Show = Callable[[Moment], None]


class Watch(TrainerCallback):  # type: ignore[misc]
    """Shows each step, writes checkpoints by the clock, and ends the training in order.

    Args:
        max_s: how long it may take; None for as long as it takes.
    """

    def __init__(self, show: Show, max_s: float | None = None) -> None:
        self.is_interrupted = False
        self.is_out_of_time = False
        self._show = show
        self._max_s = max_s
        self._began = self._saved = time.monotonic()
        self._loss: float | None = None
        self._held_out: float | None = None
        self._steps = (0, 0)
        self._checked: float | None = None

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """See whether it was the last one; it is shown with its loss, which is told next."""
        now = time.monotonic()
        if self._max_s is not None and now - self._began >= self._max_s:
            self.is_out_of_time = True
        if self.is_interrupted or self.is_out_of_time:
            control.should_training_stop = True
            control.should_save = True
        elif now - self._saved >= _CHECKPOINT_S:
            control.should_save = True

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Remember when."""
        self._saved = time.monotonic()

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_: Any) -> None:
        """Take the losses."""
        self._loss = (logs or {}).get("loss", self._loss)
        self._held_out = (logs or {}).get("eval_loss", self._held_out)
        self._steps = (state.global_step, state.max_steps)
        self._tell()

    def on_prediction_step(self, args: Any, state: Any, control: Any, eval_dataloader: Any = None, **_: Any) -> None:
        """Show how far the reading of the held-out rows is."""
        self._checked = (self._checked or 0.0) + 1 / len(eval_dataloader)
        self._tell()

    def on_evaluate(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Show that the held-out rows have been read."""
        self._checked = None
        self._tell()

    def _tell(self) -> None:
        self._show(Moment(*self._steps, self._loss, self._held_out, self.is_interrupted, self._checked))

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Let the first Ctrl-C (or SIGTERM) end the training after its step, and the second one at once."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

        def note(number: int, frame: FrameType | None) -> None:
            self.is_interrupted = True
            signal.signal(number, before[signal.Signals(number)])
            self._tell()

        for number in before:
            signal.signal(number, note)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
