"""What is known of a piece of memory: how often it was changed in place, and what stood in it before the last changes.

All tensors that see the same memory share this.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from gradviz.engine.tensor import Tensor


HALF = 0.5
"""A node that changes a tensor in place does so between the moment at which it reads and the moment at which it has made its result."""


class Memory:
    """What stood in a piece of memory before the last few changes in place, for pictures of graphs made earlier.

    Shared by all tensors that see the same memory. Only small arrays are kept.
    """

    LIMIT = 64 * 1024
    KEPT = 4

    __slots__ = ("before", "lost")

    def __init__(self) -> None:
        self.before: list[tuple[float, np.ndarray[Any, Any]]] = []
        self.lost: float = -1  # the moment of the last change whose old values were not kept

    @classmethod
    def copied(cls, array: Any) -> np.ndarray[Any, Any] | None:
        """Return a copy of what is to be changed; ``None`` if it is too large to be kept."""
        return None if array.nbytes > cls.LIMIT else np.array(array)

    def keep(self, moment: float, old: np.ndarray[Any, Any] | None) -> None:
        """Note a change, and what it replaced."""
        if old is None:
            self.lost = moment
            return
        self.before.append((moment, old))
        if len(self.before) > self.KEPT:
            self.lost = self.before.pop(0)[0]

    def at(self, moment: float, now: Any) -> Any:
        """Return the array as it was at a moment: what the first change after that replaced."""
        if self.lost > moment:
            return None
        return next((array for changed, array in self.before if changed > moment), now)


class VersionCounter:
    """Counts changes in place, for all tensors that share a piece of memory with autograd's knowledge."""

    KEPT = 64

    __slots__ = ("count", "moments", "origin", "told")

    def __init__(self) -> None:
        self.count = 0
        self.told: list[weakref.ref[Tensor]] = []  # views that no longer can be used once the memory has changed
        self.moments: list[int] = []  # when the last few changes happened
        self.origin: tuple[Any, int] | None = None  # the line that made the last one

    @property
    def last(self) -> int:
        """The moment of the last change."""
        return self.moments[-1] if self.moments else -1

    def note(self, moment: int, origin: tuple[Any, int]) -> None:
        """Count a change."""
        self.count += 1
        self.moments.append(moment)
        self.origin = origin
        if len(self.moments) > self.KEPT:
            del self.moments[: self.KEPT // 2]

    def tells(self, view: Tensor) -> None:
        """Let a view know of the changes to come."""
        count = len(self.told)
        if count >= 16 and count & (count - 1) == 0:  # at each doubling: a tensor may be taken into many pieces
            self.told = [one for one in self.told if one() is not None]
        self.told.append(weakref.ref(view))

    def at(self, moment: int) -> int:
        """Return how many changes there had been at a moment."""
        return self.count - sum(changed > moment for changed in self.moments)


def memory_of(tensor: Tensor) -> Memory:
    """Return the tensor's `Memory`, made when first asked for."""
    if tensor._memory is None:
        tensor._writable()
        tensor._memory = Memory()
    return tensor._memory


def counter_of(tensor: Tensor) -> VersionCounter:
    """Return the `VersionCounter` of the tensor's memory, made when first asked for."""
    root = tensor if tensor._base is None else tensor._base
    if root._counter is None:
        if root._barred:
            return VersionCounter()  # nobody reads it: changes to what was made in inference mode are not counted
        root._counter = VersionCounter()
        if root._grad_fn is not None:
            root._grad_fn.counts(root._output_nr, root._counter)
    return root._counter
