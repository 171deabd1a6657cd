"""A run that goes on, told to a page: all of it once, and then what has come since."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gradviz.player.training.payload import chosen_entries, run_payload, state_of, steps_told, thinned
from gradviz.training.analysis.network import Network, network_of
from gradviz.training.run import Run
from gradviz.training.run.log import Entry

LOOKED_BACK = 8
"""Of so many steps at the end it may be that not all was known when they were told: a loop moves its parameters later."""


class Stream:
    """What a page has of a run.

    Parameters
    ----------
    run
        What is shown.
    panels
        What is shown of it at first.
    """

    def __init__(self, run: Run, panels: Sequence[str] | None) -> None:
        self._run, self._panels = run, panels
        self._network: tuple[tuple[int, int], Network | None] = ((0, 0), None)
        self._chosen: list[tuple[int, ...]] = []
        self._kept: list[int] = []  # the steps that the page has
        self._whole = 0  # so many of them in full
        self._losses = 0

    @property
    def network(self) -> Network | None:
        """The network that is trained; it is looked for when there is a step of a structure that is new."""
        return self._found()[1]

    def _found(self) -> tuple[tuple[int, int], Network | None]:
        # A structure is known before its first step is over, and a network is found in steps that are.
        seen = len(self._run.log.programs), min(len(self._run.log.entries), 2)
        if seen != self._network[0]:
            self._network = seen, network_of(self._run)
        return self._network

    def all(self) -> dict[str, Any]:
        """Return all of it."""
        network = self.network
        self._chosen = chosen_entries(self._run, network)
        entries, _ = thinned(self._run, self._chosen)
        self._told(entries, 0)
        return run_payload(self._run, network, self._panels, self._chosen)

    def more(self) -> dict[str, Any] | None:
        """Return what a page that has all that was told before has to learn; ``None`` if it has to be told all of it anew.

        Returns
        -------
        dict or None
            ``start``, in the place of which and of all later kept steps it gets ``steps``; ``known``, how many losses it has; and
            what `state_of` says of those that follow.
        """
        known, log = self._network[1], self._run.log
        if self._found()[1] is not known or len(log.parameters) != len(self._chosen) or not self._kept:
            return None
        entries, notes = thinned(self._run, self._chosen)
        start = min(max(self._whole, len(self._kept) - LOOKED_BACK), len(self._kept) - 1)
        if [entry.index for entry in entries[:start]] != self._kept[:start] or len(log.losses) < self._losses:
            return None
        state = state_of(self._run, self._losses)
        told = {
            "start": start,
            "known": self._losses,
            "steps": steps_told(self._run, entries[start:], entries[start - 1] if start else None, self._chosen),
            **state,
            "notes": [*state["notes"], *notes],
        }
        self._told(entries, start)
        return told

    def lacks(self, kept: int, losses: int) -> bool:
        """Whether a page that has so many kept steps, and losses, has less than was told: it was opened since."""
        return (kept, losses) != (len(self._kept), self._losses)

    def _told(self, entries: Sequence[Entry], start: int) -> None:
        self._kept[start:] = [entry.index for entry in entries[start:]]
        self._losses = len(self._run.log.losses)
        whole = min(self._whole, start)
        while whole < len(entries) and all(part.after is not None for part in entries[whole].parameters.values()):
            whole += 1
        self._whole = whole
