"""Where a watched program cut a path on which gradients would have gone: what was computed outside of the graph, and from what.

A tensor is known by its memory, which what is cut off may share with what it was cut off from.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.multiprocessing.reductions import StorageWeakRef

from gradviz.pytorch.refused import is_plain
from gradviz.pytorch.seen import Origin, Source, source

MOST = 2048
"""So many of the last cuts are known."""

MOST_FRAMES = 12
"""Lines above the one that cut: in one of them a block of ``no_grad`` may stand."""


@dataclass(frozen=True, slots=True, eq=False)
class CutSeen:
    """One operation that left the graph.

    Attributes
    ----------
    function
        PyTorch's operator.
    lines
        The line that ran it, and those that called that.
    sources
        Where its arguments came from that a gradient would have gone to.
    memories
        Where there are none: in which memory its arguments were, as ``.data`` leaves no other trace.
    before
        What others of its arguments had been cut off by already.
    switched_off
        Whether nothing was recorded then.
    value
        Of a number that left: the number.
    """

    function: Any
    lines: tuple[Origin, ...]
    sources: tuple[Source, ...]
    memories: tuple[int, ...]
    before: tuple[CutSeen, ...]
    switched_off: bool
    value: Any = None


@dataclass(eq=False)
class Cuts:
    """All that a watch saw.

    Attributes
    ----------
    escapes
        The numbers that left as plain numbers, the last one last.
    """

    escapes: list[CutSeen] = field(default_factory=list)
    _by_memory: dict[int, tuple[StorageWeakRef, CutSeen]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self._by_memory)

    def of(self, tensor: torch.Tensor) -> CutSeen | None:
        """Return what cut off a tensor that wants no gradient."""
        if not self._by_memory or not is_plain(tensor):
            return None
        known = self._by_memory.get(tensor.untyped_storage()._cdata)
        return None if known is None or known[0].expired() else known[1]

    def note(self, function: Any, tensors: list[torch.Tensor], results: Any, *, switched_off: bool) -> None:
        """Note an operation that is no part of the graph."""
        sources = tuple([source(one) for one in tensors if one.requires_grad])
        before = tuple([cut for one in tensors if not one.requires_grad and (cut := self.of(one)) is not None])
        memories: tuple[int, ...] = ()
        if not sources:
            memories = tuple([one.untyped_storage()._cdata for one in tensors if is_plain(one)])
        made = list(results) if isinstance(results, tuple | list) else [results]
        value = made[0] if made and isinstance(made[0], int | float) else None
        cut = CutSeen(function, _lines(), sources, memories, before, switched_off, value)
        if value is not None:
            self.escapes.append(cut)
            del self.escapes[:-MOST]
        for one in made:
            if isinstance(one, torch.Tensor) and is_plain(one):
                storage = one.untyped_storage()
                self._by_memory.pop(storage._cdata, None)
                self._by_memory[storage._cdata] = StorageWeakRef(storage), cut
        while len(self._by_memory) > MOST:
            del self._by_memory[next(iter(self._by_memory))]

    def clear(self) -> None:
        """Forget all."""
        self.escapes.clear()
        self._by_memory.clear()


def leaves_the_graph(function: Any, results: Any) -> bool:
    """Return True for an operation whose result has no gradient, whatever its arguments want."""
    if isinstance(results, torch.Tensor):
        return function is torch.ops.aten.detach.default or not (results.is_floating_point() or results.is_complex())
    return isinstance(results, bool | int | float)


def _lines() -> tuple[Origin, ...]:
    from gradviz.pytorch.watch import is_theirs

    found: list[Origin] = []
    frame = sys._getframe(3)
    while frame is not None and len(found) < MOST_FRAMES:
        if not is_theirs(frame.f_code.co_filename):
            found.append((frame.f_code, frame.f_lasti))
        frame = frame.f_back  # type: ignore[assignment]
    return tuple(found)
