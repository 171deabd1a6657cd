"""The values of a watched computation, kept without copying them.

A value is kept as an alias of its memory. Only when something is about to write there is it copied, once for all who keep it.
Numbers are made of it when they are drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import torch

from gradviz.pytorch.numbers import dtype_text, summarised
from gradviz.pytorch.refused import is_plain
from gradviz.recording.model import Value

BUDGET = 2 * 2**30
"""Bytes that a watch may hold unless told otherwise."""


class Kept:
    """One value: an alias of a tensor's memory, or a copy if that was going to be overwritten.

    Attributes
    ----------
    tensor
        Without a graph. ``None`` where memory was short, and it was let go.
    value
        What is left of one that was let go: its statistics.
    """

    __slots__ = ("tensor", "value")

    def __init__(self, tensor: torch.Tensor) -> None:
        self.tensor: torch.Tensor | None = tensor
        self.value: Value | None = None

    @property
    def dtype(self) -> str:
        """Its dtype, by name."""
        return dtype_text(self.tensor.dtype) if self.tensor is not None else self.value.dtype  # type: ignore[union-attr]

    @property
    def shape(self) -> tuple[int, ...]:
        """Its shape."""
        shape = self.tensor.shape if self.tensor is not None else self.value.shape  # type: ignore[union-attr]
        return tuple(shape)


Geometry = tuple[int, tuple[int, ...], tuple[int, ...], torch.dtype]
"""Where in its memory a tensor lies, and how it is read: two with the same are one value."""


@dataclass(slots=True)
class _Block:
    """Memory that is held, and what of it is kept."""

    size: int
    aliases: dict[Geometry, Kept] = field(default_factory=dict)


class Memory:
    """All values kept by one watch.

    Parameters
    ----------
    budget
        How many bytes may be held. Beyond it the oldest values are let go.

    Attributes
    ----------
    held
        How many bytes are.
    let_go
        How many values were given up.
    """

    def __init__(self, budget: int = BUDGET) -> None:
        self.budget = budget
        self.held = self.let_go = 0
        self._blocks: dict[int, _Block] = {}

    def keep(self, tensor: torch.Tensor, before: Kept | None = None) -> Kept:
        """Keep what stands in a tensor now: anew, or as it was kept before."""
        if not is_plain(tensor):
            return before or Kept(tensor if tensor.is_nested else tensor.detach())
        storage = tensor.untyped_storage()
        place = storage.data_ptr()
        block = self._blocks.get(place)
        geometry = tensor.storage_offset(), tensor.shape, tensor.stride(), tensor.dtype
        if block is None:
            block = self._blocks[place] = _Block(storage.nbytes())
            self.held += block.size
        kept = block.aliases.get(geometry)
        if kept is None:
            kept = block.aliases[geometry] = before or Kept(tensor.detach())
            if self.held > self.budget:
                self._make_room(block)
        return kept

    def before_write(self, tensors: Iterable[torch.Tensor]) -> None:
        """Copy what is kept of the memory of tensors that are about to be changed."""
        for tensor in tensors:
            if not is_plain(tensor):
                continue
            block = self._blocks.pop(tensor.untyped_storage().data_ptr(), None)
            if block is None:
                continue
            self.held -= block.size
            for kept in block.aliases.values():
                assert kept.tensor is not None  # what is let go leaves its block
                kept.tensor = copy = kept.tensor.clone()
                self.held += copy.untyped_storage().nbytes()
                self._blocks[copy.untyped_storage().data_ptr()] = _Block(
                    copy.untyped_storage().nbytes(), {(0, copy.shape, copy.stride(), copy.dtype): kept}
                )

    def clear(self) -> None:
        """Keep nothing any more."""
        self._blocks.clear()
        self.held = 0

    def _make_room(self, newest: _Block) -> None:
        for pointer, block in list(self._blocks.items()):
            if self.held <= self.budget:
                return
            if block is newest:
                continue
            del self._blocks[pointer]
            self.held -= block.size
            for kept in block.aliases.values():
                assert kept.tensor is not None
                kept.value, kept.tensor = summarised(kept.tensor), None
                self.let_go += 1


def each_tensor(value: Any, change: Callable[[torch.Tensor], Any]) -> Any:
    """Put `change(tensor)` in the place of each tensor in an argument or a result, which may be a list of them."""
    if isinstance(value, torch.Tensor):
        return change(value)
    if isinstance(value, list | tuple):
        return tuple([each_tensor(each, change) for each in value])
    return value
