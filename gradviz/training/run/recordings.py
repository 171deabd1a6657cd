"""The steps of a run that are computed again, each once, for all who want to see them."""

from __future__ import annotations

from typing import Any

from gradviz.recording.model import Recording
from gradviz.training.run.log import Entry
from gradviz.training.run.run import Run


class Recordings:
    """What was computed in steps of a run.

    Parameters
    ----------
    run
        What was recorded.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._known: dict[int, tuple[Recording, list[Any]]] = {}

    def of(self, entry: Entry) -> Recording:
        """Return the computation of a step, which is kept."""
        if entry.index not in self._known:
            self._known[entry.index] = self._run.recorded(entry)
        return self._known[entry.index][0]

    def known(self, entry: Entry) -> tuple[Recording, list[Any]] | None:
        """Return it, and what stood in each slot of its program, if it has been asked for."""
        return self._known.get(entry.index)
