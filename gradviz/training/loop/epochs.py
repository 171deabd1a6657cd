"""Which epoch each step belongs to."""

from __future__ import annotations

from functools import lru_cache
from types import CodeType, FrameType
from typing import Any

import numpy as np

from gradviz.recording.names import let_go

VARIABLE = "epoch"
"""What a loop that counts its epochs calls the variable."""


class EpochCounter:
    """Counts epochs from 0: a new one begins with each step whose label is not the one before's.

    The label is what the loop's own variable holds, whatever that counts from. Steps without a label are an epoch each.

    Parameters
    ----------
    stale
        What the variable held before the loop. While nothing else stands in it, it may be left over from another loop.

    Attributes
    ----------
    epoch_of
        The epoch of each step so far.
    counts
        Whether somebody counts: there was a label that is not left over.
    """

    def __init__(self, stale: int | None = None) -> None:
        self.epoch_of: list[int] = []
        self.counts = False
        self._stale = stale
        self._last: int | None = None
        self._doubtful = 0  # how many steps, of those just now, have the label that may be left over

    def add(self, label: int | None) -> int:
        """Note the label of a further step, and return its epoch."""
        steps = self.epoch_of
        left_over = not self.counts and label is not None and label == self._stale
        if label is not None and not left_over and not self.counts:
            self.counts = True
            if self._doubtful:  # it was not left over: they were the first epoch
                steps[-self._doubtful :] = [steps[-self._doubtful]] * self._doubtful
        same = bool(steps) and self.counts and label is not None and label == self._last
        steps.append(0 if not steps else steps[-1] + (not same))
        self._doubtful = self._doubtful + 1 if left_over else 0
        self._last = label
        return steps[-1]

    def take_back(self, count: int) -> None:
        """Forget the steps after so many; whatever comes next begins an epoch."""
        del self.epoch_of[count:]
        self._last, self._doubtful = None, 0

    def share_out(self, epochs: int) -> bool:
        """Share the steps out among so many epochs, where nobody counts.

        Returns
        -------
        bool
            Whether they all got the same number.
        """
        count = len(self.epoch_of)
        size = max(-(-count // epochs), 1)
        self.epoch_of[:] = [index // size for index in range(count)]
        return count % epochs == 0 or count < epochs


def label_in(frame: FrameType | None) -> int | None:
    """Return what a variable called ``epoch`` holds in a frame, if its code mentions one and it is a whole number."""
    if frame is None or not _mentions(frame.f_code):
        return None
    found: Any = frame.f_locals.get(VARIABLE)
    let_go(frame)
    if isinstance(found, int | np.integer) and not isinstance(found, bool):
        return int(found)
    return None


@lru_cache(maxsize=1024)
def _mentions(code: CodeType) -> bool:
    return any(VARIABLE in names for names in (code.co_varnames, code.co_cellvars, code.co_freevars, code.co_names))
