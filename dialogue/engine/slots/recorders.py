"""Ways to do the same step again and again: as a CUDA graph, or as it stands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch

# The first pass makes what libraries make at their first use, which must not be recorded: their handles, workspaces and
# choices of kernels. The second has it all.
# Source: https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs
_WARM_UP_PASSES = 2


class Recorder(Protocol):
    """Records a step."""

    def record(self, step: Callable[[], None]) -> Callable[[], None]:
        """Return what does the step again, reading and writing where it did when it was recorded.

        The step may be done several times for that, so that doing it twice has to come to the same as doing it once.

        Raises:
            RuntimeError: the step does something that cannot be recorded.
        """
        ...

    def forget(self) -> None:
        """Let go of what recordings share; those there are must not be used any more."""
        ...


class EagerRecorder:
    """Records nothing: the step itself is done each time."""

    def record(self, step: Callable[[], None]) -> Callable[[], None]:
        """Return the step."""
        return step

    def forget(self) -> None:
        """Do nothing."""


class CudaRecorder:
    """Records steps as CUDA graphs, which a GPU does without waiting for Python.

    All graphs compute in the same memory. They may, whatever order they are replayed in: one runs after another, and
    nothing that one of them leaves there is looked at after it; what comes in and goes out lies elsewhere.

    Args:
        device: the GPU; it need not be the current one of the thread.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self.forget()

    def record(self, step: Callable[[], None]) -> Callable[[], None]:
        """Do the step on a side stream, then capture it there; it is replayed on whatever stream is current.

        Raises:
            RuntimeError: the step does something that cannot be captured, or there is no memory for it.
        """
        # The stream once more, as a capture that fails leaves its own one behind as the current one.
        with torch.cuda.device(self._device), torch.cuda.stream(torch.cuda.current_stream()):
            try:
                return self._capture(step)
            except RuntimeError:
                # Nobody says in what state a failed capture leaves its memory and its stream.
                self.forget()
                raise

    def _capture(self, step: Callable[[], None]) -> Callable[[], None]:
        main = torch.cuda.current_stream()
        self._side.wait_stream(main)
        with torch.cuda.stream(self._side):
            for _ in range(_WARM_UP_PASSES):
                step()
        main.wait_stream(self._side)
        graph = torch.cuda.CUDAGraph()
        # On the stream of the warm-up, whose workspace for matrix products is outside the graphs' memory by now. Other
        # threads may go on with whatever they do on the GPU.
        with torch.cuda.graph(graph, pool=self._pool, stream=self._side, capture_error_mode="thread_local"):
            step()
        return graph.replay

    def forget(self) -> None:
        """Begin with memory of its own for the next graphs: that of graphs which are gone must not be asked for."""
        # One of them may be at work still.
        torch.cuda.synchronize(self._device)
        self._pool = torch.cuda.graph_pool_handle()
        self._side = torch.cuda.Stream(self._device)  # type: ignore[no-untyped-call]
