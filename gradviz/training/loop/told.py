"""What a recorder is told by the library that trains: of its tensors, its backward passes and its optimisers.

Two libraries tell: gradviz's engine (`gradviz.training.loop.engine`) and PyTorch (`gradviz.pytorch.loop`). Everything else in this
folder knows the protocols below. Numbers are passed as arrays of NumPy's.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from gradviz.training.run.program import Program

Place = Any
"""Where a graph has the numbers that go into a slot, as whoever told of the graph knows it."""


class Library(Protocol):
    """A library that trains."""

    def listen(self, hearer: Hearer) -> Callable[[], None]:
        """Tell a recorder of everything from now on, until what is returned is called."""
        ...

    def silent(self) -> str:
        """Return why nothing is told in this process, as another tells it; nothing if this one does."""
        ...

    def is_tensor(self, value: Any) -> bool:
        """Return True for one of its tensors."""
        ...

    def array(self, tensor: Any) -> Any:
        """Return what stands in a tensor now. It may be the tensor's own memory."""
        ...

    def gradient(self, tensor: Any) -> Any:
        """Return what stands in a leaf's ``.grad`` now, ``None`` if nothing does."""
        ...

    def dtype(self, tensor: Any) -> str:
        """Return the name of a tensor's dtype."""
        ...

    def remembered(self, optimizer: Any, tensor: Any) -> Mapping[str, Any]:
        """Return what an optimiser has to tell of a parameter's last step: what it remembers of it."""
        ...

    # --- for who runs a loop himself ------------------------------------------------------------------------------

    def enable_grad(self) -> AbstractContextManager[Any]:
        """Return what records a graph, whatever was switched off around it."""
        ...

    def refusing(self, optimizer: Any, words: str) -> AbstractContextManager[None]:
        """Return what raises an error with these words if the optimiser makes a step meanwhile."""
        ...

    def random_state(self) -> Any:
        """Return the state of its random numbers."""
        ...

    def set_random_state(self, state: Any) -> None:
        """Go back to a state of its random numbers."""
        ...


class Passed(Protocol):
    """A backward pass that has just ended.

    Attributes
    ----------
    outputs
        How many tensors it started from. All else is told of the first.
    loss
        The number in it: the sum of its entries.
    notes
        What is to be known of it, in words.
    """

    outputs: int
    loss: float
    notes: Sequence[str]

    @property
    def library(self) -> Library:
        """Whose it is."""
        ...

    @property
    def started_with(self) -> Any:
        """What the pass began with, if that was not the number 1; else ``None``."""
        ...

    def signature(self) -> Hashable:
        """Return what two graphs of the same structure have in common."""
        ...

    def program(self, variables: Sequence[Mapping[str, Any]]) -> tuple[Program, list[Place]]:
        """Write down how the graph was computed, and for each slot of that where its numbers are found in a graph like it."""
        ...

    def lost(self, program: Program, places: Sequence[Place]) -> str:
        """Say in words why a program that was written down cannot be computed again; empty if it can."""
        ...

    def leaf(self, place: Place) -> Any:
        """Return the parameter in a slot."""
        ...

    def earlier(self, place: Place) -> Any:
        """Return what stood in its ``.grad`` before; ``None`` if nothing did."""
        ...

    def found(self, place: Place) -> Any:
        """Return what stood in a slot when its operation ran: an array, or a plain number."""
        ...

    def holder(self, place: Place) -> tuple[Any, int] | None:
        """Return the tensor that brings what stands in a slot, if it is one, and its version."""
        ...


class Hearer(Protocol):
    """Who is told."""

    def passed(self, see: Callable[[], Passed | None]) -> None:
        """Hear that a backward pass has ended; `see` tells of it."""
        ...

    def step_starts(self, library: Library, optimizer: Any) -> None:
        """Hear from an optimiser that it begins a step."""
        ...

    def step_ends(self, library: Library, optimizer: Any) -> None:
        """Hear from an optimiser that it has made its step."""
        ...
