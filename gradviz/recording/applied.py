"""An operation as it was applied, and what took part in it: what words are made of, and what a recording keeps until they are read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gradviz.engine.operation import Operation
from gradviz.recording import rounding
from gradviz.recording.later import Write
from gradviz.recording.model import Role, Value
from gradviz.recording.values import value_of_copy


@dataclass(slots=True, eq=False)  # not frozen: there are many, and none leaves this folder
class Operand:
    """One tensor or number as it takes part in an operation.

    Attributes
    ----------
    id
        The tensor's in the recording; empty for an argument that was not given.
    name
        What the learner calls it.
    named
        Whether that is a name of the user's own (or a number), and not composed.
    array
        A copy of its numbers; ``None`` where there are many, or none.
    kept
        The same for a recording, if it was made at once; else `value` makes it.
    shape, dtype, role, module
        As in `RecordedTensor`.
    number
        The tensor's place among those of the graph.
    made_by
        Returns the operation that made it; ``None`` for a leaf.
    """

    id: str
    name: str
    named: bool
    array: Any
    kept: Value | None
    shape: tuple[int, ...]
    dtype: str = ""
    role: Role = "constant"
    module: str = ""
    number: int = -1
    made_by: Callable[[], Applied] | None = None

    @property
    def maker(self) -> Applied | None:
        """The operation that made it, ``None`` for a leaf."""
        return None if self.made_by is None else self.made_by()

    @property
    def value(self) -> Value | None:
        """Its numbers for a recording; ``None`` where none are kept."""
        if self.kept is None and self.array is not None and self.id:
            made = self.maker
            place = 0 if made is None or len(made.results) < 2 else made.results.index(self)
            self.kept = value_of_copy(self.array, None if made is None else printed_by(made, made.places[place]))
        return self.kept

    @property
    def is_scalar(self) -> bool:
        """True when its number can be written into a formula."""
        return self.shape == () and self.array is not None and np.size(self.array) == 1


@dataclass(slots=True, eq=False)
class Applied:
    """An operation as it was applied: what its words are made of.

    It holds no node: words that nobody has read yet keep nothing of the engine's graph.

    Attributes
    ----------
    id
        The operation's in the recording.
    operation
        The row of the table.
    settings, texts
        The arguments that are not tensors; and their names, with what to write for them.
    operands, results
        The arguments that may be tensors; and those of its results that something uses.
    first
        Which of its outputs the first of the results is.
    output_shape
        The shape of its first output, used or not.
    places
        Which of its outputs the results are.
    part
        Where in the first argument the part stands that was changed in place (see `gradviz.engine.strides`), if one was.
    targets
        What a loss compares with, where that is a setting of the row; by the setting's name.
    """

    id: str
    operation: Operation
    settings: tuple[Any, ...]
    texts: tuple[tuple[str, str], ...]
    operands: tuple[Operand, ...]
    results: tuple[Operand, ...]
    first: int
    output_shape: tuple[int, ...]
    places: tuple[int, ...] = (0,)
    part: tuple[Any, ...] | None = None
    targets: Mapping[str, Operand] = field(default_factory=dict)


def printed_by(applied: Applied, place: int) -> Write | None:
    """Return what says how one of an operation's results is to be printed, by what it was computed from."""
    row = applied.operation
    return (rounding.of_result, applied, place if len(row.outputs) > 1 else 0) if row.derivatives else None
