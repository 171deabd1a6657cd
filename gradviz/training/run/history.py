"""One parameter's way through a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gradviz.training.run.log import Large, ParameterEntry, Stored
from gradviz.training.run.model import Parameter
from gradviz.training.run.walk import norm

if TYPE_CHECKING:
    from gradviz.training.run.run import Run


@dataclass(frozen=True)
class History:
    """One parameter's way through a run, over the steps that are kept."""

    run: Run
    number: int

    @property
    def parameter(self) -> Parameter:
        """Its name, shape and dtype."""
        return self.run.log.parameters[self.number]

    @property
    def full(self) -> bool:
        """Whether it is small enough for its numbers to be kept in full."""
        return all(not isinstance(part.before, Large) for part in self.parts())

    def parts(self) -> list[ParameterEntry]:
        """Return what was kept of it, of the steps in which it took part."""
        entries = self.run.log.entries
        return [entry.parameters[self.number] for entry in entries if self.number in entry.parameters]

    @property
    def steps(self) -> np.ndarray[Any, Any]:
        """The indices of those steps."""
        entries = self.run.log.entries
        return np.array([entry.index for entry in entries if self.number in entry.parameters], dtype=np.int64)

    @property
    def values(self) -> np.ndarray[Any, Any]:
        """Its values before each step, and, one more, after the last."""
        parts = self._in_full("values")
        return np.stack([*(_array(part.before) for part in parts), _array(parts[-1].after)])

    @property
    def gradients(self) -> np.ndarray[Any, Any]:
        """Its gradient in each step; NaN where it had none."""
        parts = self._in_full("gradients")
        missing = np.full(self.parameter.shape, np.nan, _array(parts[0].before).dtype)
        return np.stack([missing if part.gradient is None else _array(part.gradient) for part in parts])

    @property
    def gradient_norms(self) -> np.ndarray[Any, Any]:
        """The length of its gradient in each step; NaN where it had none."""
        return np.array([np.nan if (n := gradient_norm(part)) is None else n for part in self.parts()])

    @property
    def update_norms(self) -> np.ndarray[Any, Any]:
        """The length of what each step added to it."""
        return np.array([update_norm(part) for part in self.parts()])

    def _in_full(self, what: str) -> list[ParameterEntry]:
        parts = self.parts()
        if not parts:
            raise ValueError(f"{self.parameter.name} took part in none of the steps that are kept")
        if not self.full:
            raise ValueError(
                f"the {what} of {self.parameter.name} are not kept in full: it has {self.parameter.size:,} entries. Its "
                "norms are, and run.steps has its statistics"
            )
        return parts


def gradient_norm(part: ParameterEntry) -> float | None:
    """Return the length of a gradient, ``None`` where there was none."""
    if part.gradient_norm is None and part.gradient is not None:
        part.gradient_norm = norm(part.gradient)
    return part.gradient_norm


def update_norm(part: ParameterEntry) -> float:
    """Return the length of what a step added; NaN while the step is not over."""
    if part.update_norm is None:
        if part.after is None or isinstance(part.after, Large) or part.after.shape != part.before.shape:
            return float("nan")
        part.update_norm = norm(part.after - part.before) if part.after is not part.before else 0.0
    return part.update_norm


def _array(kept: Stored | None) -> np.ndarray[Any, Any]:
    assert isinstance(kept, np.ndarray)  # of a small parameter, in a step that is over
    return kept
