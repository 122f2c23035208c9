"""Lets every row of a batch have a LoRA adapter of its own, on one base model that is in memory once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from dialogue.engine.models.adapter_file import Adapter, LowRank
from dialogue.errors import ModelRefused


@dataclass(frozen=True, slots=True)
class Part:
    """Columns of a projection's output that are a module to PEFT: all of them, or those of q where q, k, v are one.

    Args:
        module: the path in the unmodified model, such as `model.layers.0.self_attn.q_proj`.
    """

    module: str
    start: int
    size: int


class AdaptedProjection(nn.Module):
    """Adds to a projection what the rows' adapters say.

    Args:
        base: maps (..., in) to (..., out); it has `in_features` and `out_features`, as `nn.Linear`, or is a `Conv1D`.
        parts: which output columns are which module; columns of no part are never adapted.
    """

    def __init__(self, base: nn.Module, parts: Sequence[Part], rack: Rack) -> None:
        super().__init__()
        self.base = base
        self.parts = tuple(parts)
        self.in_features, self.out_features = _sizes(base)
        self._rack = rack
        self._stack: _Stack | None = None
        rack.enrol(self)

    @property
    def weight(self) -> Any:
        """The weight of the base: some models ask for its dtype or device."""
        return self.base.weight

    @property
    def bias(self) -> Any:
        """The bias of the base."""
        return self.base.bias

    def forward(self, x: Tensor) -> Tensor:
        """Project (rows, tokens, in) or (rows * tokens, in), as the rack is aimed."""
        projected: Tensor = self.base(x)
        aimed = self._rack.aimed
        if aimed is None or self._stack is None:
            return projected
        return self._stack.add(x, projected, aimed)

    def put(self, number: int, matrices: Mapping[str, LowRank]) -> None:
        """Take what an adapter has for this projection, if anything."""
        present = [(part, matrices[part.module]) for part in self.parts if part.module in matrices]
        if not present:
            return
        down = torch.cat([low.down.float() for _, low in present])
        up = torch.zeros(len(down), self.out_features)
        # A part reads its own rows of `down` alone; the other parts have zeros there.
        first = 0
        for part, low in present:
            behind = first + len(low.down)
            up[first:behind, part.start : part.start + part.size] = low.scale * low.up.float().T
            first = behind
        piece = (down.to(self._rack.device, self._rack.dtype), up.to(self._rack.device, self._rack.dtype))
        self._stack = _stacked({**(self._stack.pieces if self._stack else {}), number: piece})

    def drop(self, number: int) -> None:
        """Forget what an adapter has for this projection."""
        pieces = {each: piece for each, piece in self._stack.pieces.items() if each != number} if self._stack else {}
        self._stack = _stacked(pieces) if pieces else None


class Rack:
    """Holds the adapters of one model, and says which of them the rows of the present forward pass have.

    Adding, removing and aiming are for between two passes. A pass computes with all adapters that are loaded, so that
    two matrix products serve whatever mixture of rows: it gets slower with the sum of their ranks.

    Args:
        dtype: that of the activations; the adapters are computed in it.
        device: that of the activations.
    """

    def __init__(self, dtype: torch.dtype, device: torch.device) -> None:
        self.dtype = dtype
        self.device = device
        # None where no row has an adapter, the number where all have the same one, else (rows * tokens, 1) numbers
        # with 0 for none.
        self.aimed: int | Tensor | None = None
        # Grows whenever a pass that was recorded would not find the adapters where they were.
        self.version = 0
        self._projections: list[AdaptedProjection] = []
        self._numbers: dict[str, int] = {}

    @property
    def names(self) -> list[str]:
        """The adapters that are loaded."""
        return list(self._numbers)

    def enrol(self, projection: AdaptedProjection) -> None:
        """Count a projection in; each one does so itself when it is made, before the first adapter is added."""
        self._projections.append(projection)

    def add(self, name: str, adapter: Adapter) -> None:
        """Load an adapter.

        Raises:
            ModelRefused: it was made for another model, or the name is taken; nothing has changed then.
        """
        if name in self._numbers:
            raise ModelRefused(f"there is an adapter {name!r} already: remove it, or choose another name")
        self._check(name, adapter)
        number = max(self._numbers.values(), default=0) + 1
        self.version += 1
        for projection in self._projections:
            projection.put(number, adapter.matrices)
        self._numbers[name] = number

    def remove(self, name: str) -> None:
        """Forget an adapter; the next pass has to be aimed anew.

        Raises:
            ModelRefused: there is none of this name.
        """
        number = self._number(name)
        self.aimed = None
        self.version += 1
        for projection in self._projections:
            projection.drop(number)
        del self._numbers[name]

    def aim(self, rows: Sequence[str | None], tokens: int = 1) -> None:
        """Say which adapter each row of the next passes has, None for none.

        Args:
            tokens: how many tokens of each row a pass reads.

        Raises:
            ModelRefused: there is no adapter of a name.
        """
        numbers = self.numbers(rows)
        if len(set(numbers)) > 1:
            self.aim_at(torch.tensor(numbers, device=self.device), tokens)
        else:
            self.aimed = max(numbers, default=0) or None

    def aim_at(self, numbers: Tensor, tokens: int = 1) -> None:
        """Say the same in numbers, (rows,), which are read in the pass: when it is repeated, they may be others."""
        self.aimed = numbers[:, None].expand(-1, tokens).reshape(-1, 1)

    def numbers(self, rows: Sequence[str | None]) -> list[int]:
        """Return the numbers of adapters, 0 for none.

        Raises:
            ModelRefused: there is no adapter of a name.
        """
        return [0 if name is None else self._number(name) for name in rows]

    def _number(self, name: str) -> int:
        if name not in self._numbers:
            raise ModelRefused(f"there is no adapter {name!r}, loaded are: {', '.join(self._numbers) or 'none'}")
        return self._numbers[name]

    def _check(self, name: str, adapter: Adapter) -> None:
        shapes = {
            part.module: (part.size, projection.in_features)
            for projection in self._projections
            for part in projection.parts
        }
        made_for = f"Use an adapter of this model; {name!r} was made for {adapter.base_model or 'an unnamed one'}"
        for module, low in adapter.matrices.items():
            if module not in shapes:
                raise ModelRefused(
                    f"the adapter {name!r} has {module!r}, accepted are projections in the model's layers. {made_for}"
                )
            shape = (len(low.up), low.down.shape[1])
            if shape != shapes[module]:
                raise ModelRefused(
                    f"the adapter {name!r} has {module!r} as (out, in) = {shape}, accepted is {shapes[module]}. "
                    f"{made_for}"
                )


def install(model: Any) -> Rack:
    """Make the projections of an unmodified model of transformers adaptable, where they are; return their rack.

    The model is on its device by then, and in its dtype.
    """
    rack = Rack(model.dtype, model.device)
    for path, base in adaptable(model).items():
        parent, _, name = path.rpartition(".")
        setattr(model.get_submodule(parent), name, AdaptedProjection(base, [Part(path, 0, _sizes(base)[1])], rack))
    return rack


def adaptable(model: Any) -> dict[str, nn.Linear | Conv1D]:
    """Return the projections in the layers of a model of transformers by their paths.

    Embeddings and the output layer are outside the layers. Classes derived from `nn.Linear` are left out: they may
    return something else, as a router does.
    """
    stacks = [child for child in model.get_decoder().children() if isinstance(child, nn.ModuleList)]
    inside = {id(module) for stack in stacks for module in stack.modules()}
    return {
        path: module
        for path, module in model.named_modules()
        if id(module) in inside and type(module) in (nn.Linear, Conv1D)
    }


@dataclass(frozen=True, slots=True, eq=False)
class _Stack:
    """What all adapters have for one projection, one below the other.

    Of three ways to compute a mixed batch, 16 rows and 4 adapters of rank 16 beside 640 x 1,024 on one core, two
    products with everything and a mask between them take 63 us; an adapter after another 73 us; matrices gathered for
    each row 511 us; the projection itself 278 us.

    Args:
        down: (ranks, in).
        up: (ranks, out), with the scale in it.
        owner: (ranks,), the number of the adapter.
        pieces: rows of `down` and `up` by the number of the adapter.
    """

    down: Tensor
    up: Tensor
    owner: Tensor
    pieces: Mapping[int, tuple[Tensor, Tensor]]

    def add(self, x: Tensor, projected: Tensor, aimed: int | Tensor) -> Tensor:
        flat = x.flatten(0, -2)
        if isinstance(aimed, Tensor):
            up = self.up
            # Filled, not multiplied by zero: another adapter's overflow times zero would be NaN.
            narrow = (flat @ self.down.T).masked_fill(self.owner != aimed, 0)
        elif aimed in self.pieces:
            down, up = self.pieces[aimed]
            narrow = flat @ down.T
        else:
            return projected
        return torch.addmm(projected.flatten(0, -2), narrow, up).view_as(projected)


def _stacked(pieces: Mapping[int, tuple[Tensor, Tensor]]) -> _Stack:
    down = torch.cat([down for down, _ in pieces.values()])
    up = torch.cat([up for _, up in pieces.values()])
    ranks = [len(down) for down, _ in pieces.values()]
    owner = torch.tensor(list(pieces), device=down.device).repeat_interleave(torch.tensor(ranks, device=down.device))
    # Views: each adapter is in memory once.
    views = zip(torch.split(down, ranks), torch.split(up, ranks), strict=True)
    return _Stack(down, up, owner, dict(zip(pieces, views, strict=True)))


def _sizes(base: Any) -> tuple[int, int]:
    """Return a projection's (in, out)."""
    return (base.nx, base.nf) if isinstance(base, Conv1D) else (base.in_features, base.out_features)
