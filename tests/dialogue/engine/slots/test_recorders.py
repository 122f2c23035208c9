"""How a CUDA graph is captured: on a stand-in for torch's streams and graphs, as there is no GPU."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch

from dialogue.engine.slots.recorders import CudaRecorder, EagerRecorder

DEVICE = torch.device("cuda", 1)


class Gpu:
    """Stands in for `torch.cuda`, as far as recording needs it, with the habits of torch 2.13."""

    def __init__(self) -> None:
        self.main = self.current = SideStream(self)
        self.pools = 0
        self.waits = 0
        self.captures_in: list[int] = []
        self.is_capturing = False
        self.current_device = 0

    def Stream(self, device: torch.device) -> SideStream:
        assert device == DEVICE
        return SideStream(self)

    def current_stream(self) -> SideStream:
        assert self.current_device == DEVICE.index  # That of another GPU would be of no use.
        return self.current

    def synchronize(self, device: torch.device) -> None:
        assert device == DEVICE
        self.waits += 1

    @contextmanager
    def device(self, device: torch.device) -> Iterator[None]:
        before, self.current_device = self.current_device, device.index
        yield
        self.current_device = before

    @contextmanager
    def stream(self, stream: SideStream) -> Iterator[None]:
        before, self.current = self.current, stream
        try:
            yield
        finally:
            self.current = before

    def graph_pool_handle(self) -> int:
        self.pools += 1
        return self.pools

    def CUDAGraph(self) -> Graph:
        return Graph()

    def graph(self, graph: Graph, pool: int, stream: SideStream, capture_error_mode: str) -> Capture:
        return Capture(self, graph, pool, stream)


class SideStream:
    def __init__(self, gpu: Gpu) -> None:
        self._gpu = gpu
        self.waited_for: list[SideStream] = []

    def wait_stream(self, other: SideStream) -> None:
        self.waited_for.append(other)


class Graph:
    replays = 0

    def replay(self) -> None:
        self.replays += 1


class Capture:
    """Ends as torch does: where the capture has failed, with another error, and without giving the stream back."""

    def __init__(self, gpu: Gpu, graph: Graph, pool: int, stream: SideStream) -> None:
        self._gpu, self._graph, self._pool, self._stream = gpu, graph, pool, stream

    def __enter__(self) -> None:
        self._before, self._gpu.current = self._gpu.current, self._stream
        self._gpu.is_capturing = True
        self._gpu.captures_in.append(self._pool)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._gpu.is_capturing = False
        if kind is not None:
            raise RuntimeError("operation failed due to a previous error during capture")
        self._gpu.current = self._before


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> Gpu:
    gpu = Gpu()
    monkeypatch.setattr(torch, "cuda", gpu)
    return gpu


def noted(gpu: Gpu, streams: list[Any], fails: bool = False) -> Callable[[], None]:
    """Return a step that notes on which stream it is done."""

    def step() -> None:
        streams.append(gpu.current)
        if fails and gpu.is_capturing:
            raise RuntimeError("operation not permitted when stream is capturing")

    return step


def test_a_step_is_done_on_a_side_stream_before_it_is_captured_there(gpu: Gpu) -> None:
    streams: list[Any] = []

    replay = CudaRecorder(DEVICE).record(noted(gpu, streams))
    replay()

    [side] = set(streams)
    assert side is not gpu.main
    assert len(streams) == 3
    assert side.waited_for == [gpu.main]
    assert gpu.main.waited_for == [side]
    assert gpu.current is gpu.main


def test_graphs_share_their_memory_until_they_are_forgotten(gpu: Gpu) -> None:
    recorder = CudaRecorder(DEVICE)

    recorder.record(noted(gpu, []))
    recorder.record(noted(gpu, []))
    recorder.forget()
    recorder.record(noted(gpu, []))

    assert gpu.captures_in == [1, 1, 2]


def test_a_capture_that_fails_leaves_the_stream_as_it_was_and_nothing_behind_for_the_next(gpu: Gpu) -> None:
    recorder = CudaRecorder(DEVICE)
    failed: list[Any] = []
    after: list[Any] = []

    with pytest.raises(RuntimeError, match="previous error"):
        recorder.record(noted(gpu, failed, fails=True))
    stream_after = gpu.current
    recorder.record(noted(gpu, after))

    assert stream_after is gpu.main
    assert gpu.captures_in == [1, 2]
    assert not set(failed) & set(after)


def test_without_a_recording_the_step_itself_is_done() -> None:
    done: list[int] = []

    replay = EagerRecorder().record(lambda: done.append(1))
    replay()
    replay()

    assert done == [1, 1]
