"""Graphs of the same structure, and where in them the numbers are found that a recording keeps."""

from __future__ import annotations

from typing import Any

from gradviz.recording.model import FULL_VALUE_LIMIT
from gradviz.training.loop.told import Passed, Place
from gradviz.training.run.program import Program

SAMPLE = 256
"""Of how many entries of large data it is looked at whether they have changed."""


class Plan:
    """Where, in a graph of known structure, the numbers to keep are found.

    Attributes
    ----------
    number
        Of its program among the run's; ``None`` if it cannot be computed again.
    places
        By slot of the program: where.
    owners
        By slot: which of the run's parameters goes in there.
    last
        By slot: what was kept last time, to be kept again if it has not changed.
    """

    def __init__(self, number: int | None, program: Program, places: list[Place], owners: dict[int, int]) -> None:
        self.number, self.program, self.places, self.owners = number, program, places, owners
        self.last: list[Any] = [None] * len(places)
        self._seen: list[Any] = [None] * len(places)  # of large data: the tensor it was in, and the tensor's version

    def same(self, slot: int, array: Any, passed: Passed) -> bool:
        """Whether what stands in a slot is what was kept of it last time.

        To compare large data takes as long as to compute with it. A tensor whose version is the same was not changed by its
        library; by NumPy it may have been, behind the library's back, so some of its entries are compared all the same.
        """
        known = self.last[slot]
        if known is None or known.shape != array.shape:
            return False
        if array.size > FULL_VALUE_LIMIT:
            seen = passed.holder(self.places[slot])
            before, self._seen[slot] = self._seen[slot], seen
            if seen is not None and before is not None and seen[0] is before[0] and seen[1] == before[1]:
                stride = array.size // SAMPLE
                return bool((known.ravel()[::stride] == array.ravel()[::stride]).all())
            return bool((known == array).all())
        return bool(known.tobytes() == array.tobytes())  # of few entries by far the fastest way to compare them
