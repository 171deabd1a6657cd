"""What a program is, frozen, and as plain JSON data."""

from __future__ import annotations

import base64
import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

SLOT, NUMBER = "slot", "number"
"""The keys of a reference to a slot, and of a number that JSON does not know."""

PACKED = ("float32", "float64")
"""Numbers of these dtypes travel as their bytes."""


@dataclass(frozen=True)
class Numbers:
    """An array that stands in a slot from the beginning: a leaf's, or a constant.

    Attributes
    ----------
    slot
        Where it stands.
    array
        Its numbers.
    tensor
        The id of the leaf that it is; ``""`` for a constant.
    """

    slot: int
    array: np.ndarray[Any, Any]
    tensor: str = ""

    def encoded(self) -> dict[str, Any]:
        """Return it as plain JSON data."""
        array = np.asarray(self.array)
        about: dict[str, Any] = {"slot": self.slot, "shape": list(array.shape), "dtype": array.dtype.name}
        if self.tensor:
            about["tensor"] = self.tensor
        flat = array.ravel()
        if array.dtype.name in PACKED:
            if flat.size > 1 and (flat == flat[0]).all():
                return {**about, "fill": told(float(flat[0]))}
            return {**about, "bytes": base64.b64encode(flat.astype(array.dtype.newbyteorder("<")).tobytes()).decode()}
        return {**about, "data": [int(number) for number in flat]}


@dataclass(frozen=True)
class Step:
    """One operation of a program.

    Attributes
    ----------
    name
        The row's.
    arguments
        By name: the slots of its arguments, and its settings.
    made
        The slots of its results.
    """

    name: str
    arguments: Mapping[str, Any]
    made: tuple[int, ...]


@dataclass(frozen=True)
class Program:
    """A computation that can be run again.

    Attributes
    ----------
    numbers
        The leaves and the constants.
    steps
        The operations, in an order in which they can be run.
    size
        How many slots there are.
    output
        The slot of what is differentiated: one number.
    values
        By the id of a tensor, the slot of its value.
    contributions, locals
        By the id of an argument: what is sent along it; and the local derivative, entry by entry, where there is one.
    sums
        By the id of an operation and of a tensor, ``"o3:t1"``: the gradient that the tensor has so far after the operation has
        sent its part; of what the backward pass starts with ``":t9"``.
    cut
        By the id of a leaf that was made of others outside of the graph: why it does not follow them.
    twins
        By the id of a leaf, those that are the same numbers in another shape.
    """

    numbers: tuple[Numbers, ...]
    steps: tuple[Step, ...]
    size: int
    output: int
    values: Mapping[str, int]
    contributions: Mapping[str, int] = field(default_factory=dict)
    locals: Mapping[str, int] = field(default_factory=dict)
    sums: Mapping[str, int] = field(default_factory=dict)
    cut: Mapping[str, str] = field(default_factory=dict)
    twins: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def encoded(self) -> dict[str, Any]:
        """Return it as plain JSON data."""
        return {
            "numbers": [one.encoded() for one in self.numbers],
            "steps": [[step.name, dict(step.arguments), list(step.made)] for step in self.steps],
            "size": self.size,
            "output": self.output,
            **{name: dict(getattr(self, name)) for name in ("values", "contributions", "locals", "sums", "cut")},
            "twins": {id: list(others) for id, others in self.twins.items()},
        }


@dataclass(frozen=True)
class Missing:
    """Why a page cannot run a computation.

    Attributes
    ----------
    kind
        What it lacks: ``"large"``, ``"long"``, ``"operation"``, ``"hook"``, ``"dtype"``, ``"file"``.
    names
        Of what.
    """

    kind: str
    names: tuple[str, ...] = ()


class MissingError(Exception):
    """Says, while a program is made, that there is none."""

    def __init__(self, kind: str, *names: str) -> None:
        super().__init__(kind)
        self.missing = Missing(kind, names)


def told(setting: Any) -> Any:
    """Return a setting as plain JSON data."""
    if isinstance(setting, np.generic):
        setting = setting.item()
    if isinstance(setting, float) and not math.isfinite(setting):
        return {NUMBER: str(setting)}
    if setting is None or isinstance(setting, bool | int | float | str):
        return setting
    if isinstance(setting, tuple | list):
        return [told(one) for one in setting]
    if isinstance(setting, np.dtype) or (isinstance(setting, type) and issubclass(setting, np.generic)):
        return np.dtype(setting).name
    if isinstance(setting, slice):
        return {"slice": [told(setting.start), told(setting.stop), told(setting.step)]}
    if dataclasses.is_dataclass(setting) and not isinstance(setting, type):
        return {name: told(value) for name, value in dataclasses.asdict(setting).items()}
    raise MissingError("operation", type(setting).__name__)
