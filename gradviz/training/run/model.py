"""One step of a training run, frozen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gradviz.recording.model import Shape, Value

BY_HAND = "by hand"
"""The name of the rule where no optimiser moved a parameter."""

UNMOVED = "unmoved"
"""And where nothing did."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What moved a parameter, and its settings in that step.

    Attributes
    ----------
    name
        The optimiser's class, ``"SGD"``; ``"by hand"``; or ``"unmoved"``.
    settings
        Of the parameter's group: ``{"lr": 0.01, "momentum": 0.9, ...}``.
    """

    name: str
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Parameter:
    """A tensor that training moves."""

    name: str
    shape: Shape
    dtype: str

    @property
    def size(self) -> int:
        """How many entries it has."""
        size = 1
        for length in self.shape:
            size *= length
        return size


@dataclass(frozen=True, slots=True)
class ParameterStep:
    """What happened to one parameter in one step.

    Attributes
    ----------
    before, after
        Its value as the forward pass saw it, and after the step.
    gradient
        What was in ``.grad`` when the parameter was moved (after clipping); ``None`` if there was none.
    gradient_norm, update_norm
        The lengths (Euclidean norms) of the gradient and of ``after - before``.
    rule
        What moved it.
    state
        What the optimiser remembers of it after the step: momentum buffers, averages, counts.
    """

    before: Value
    after: Value
    gradient: Value | None
    gradient_norm: float | None
    update_norm: float
    rule: Rule
    state: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Step:
    """One ``backward()`` and what was made of its gradients, until the next.

    Attributes
    ----------
    index
        Counts the steps of the run from 0.
    epoch
        Counts the epochs from 0.
    loss
        The number that ``backward()`` started from (the sum of its entries, if it had several).
    parameters
        By name, those that took part.
    evaluations
        The losses that were computed within the step: more than one with LBFGS.
    """

    index: int
    epoch: int
    loss: float
    parameters: Mapping[str, ParameterStep]
    evaluations: tuple[float, ...]
