"""Does on a CPU what a CUDA graph does on a GPU: repeats operations on the same memory, without any of the Python."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

# What would wait for the GPU, or bring something from the host, and so cannot be captured there: `item()`, a shape that
# depends on values, a tensor made of Python's numbers.
_FORBIDDEN = ("_local_scalar_dense", "nonzero", "masked_select", "unique", "lift_fresh", "is_nonzero", "equal")


class TapeRecorder:
    """Notes the operations of a step, and which tensors they read and write."""

    def __init__(self) -> None:
        self.recorded = 0
        self.replayed = 0
        self.operations: set[str] = set()

    def record(self, step: Callable[[], None]) -> Callable[[], None]:
        """Do the step, and return what repeats its operations.

        Raises:
            RuntimeError: one of them could not be captured on a GPU.
        """
        self.recorded += 1
        tape = _Tape()
        with tape:
            step()
        self.operations |= {str(function) for function, *_ in tape.calls}

        def replay() -> None:
            self.replayed += 1
            tape.play()

        return replay

    def forget(self) -> None:
        """Do nothing: a tape shares nothing."""


class _Tape(TorchDispatchMode):  # type: ignore[no-untyped-call]
    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.calls: list[tuple[Any, Sequence[Any], Mapping[str, Any], list[Any]]] = []

    def __torch_dispatch__(
        self, function: Any, types: object, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        if function.overloadpacket.__name__ in _FORBIDDEN:
            raise RuntimeError(f"{function}: operation not permitted when stream is capturing")
        results = function(*args, **(kwargs or {}))
        self.calls.append((function, args, kwargs or {}, tree_leaves(results)))
        return results

    def play(self) -> None:
        for function, args, kwargs, results in self.calls:
            for old, new in zip(results, tree_leaves(function(*args, **kwargs)), strict=True):
                # The next operations read where the first results were; a view is there already.
                if isinstance(old, Tensor) and not _is_same_memory(old, new):
                    old.copy_(new)


def _is_same_memory(one: Tensor, other: Tensor) -> bool:
    return one.untyped_storage().data_ptr() == other.untyped_storage().data_ptr()
