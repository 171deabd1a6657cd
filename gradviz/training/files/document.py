"""What a file says of a run: frozen dataclasses, field by field what stands in the JSON.

Arrays stand beside it, those of one dtype and shape together in a pool, because ten thousand small ones are then read as one. A
`Reference` says which: the number of the pool, and the row in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gradviz.recording.model import Count, Graph, Number, Ordinal, Shape, Summary
from gradviz.training.run.model import Parameter
from gradviz.training.run.program import Slot

Reference = tuple[int, int]
NUMBER, LARGE = -1, -2
"""In the place of a pool: the row is one of the plain numbers, or of the large arrays."""


@dataclass(frozen=True, slots=True)
class SavedLarge:
    """A large array: in full, or what is known of it."""

    shape: Shape
    dtype: str
    array: Reference | None = None
    summary: Summary | None = None
    preview: Reference | None = None


@dataclass(frozen=True, slots=True)
class SavedRule:
    """An update rule; each setting has its name and its value."""

    name: str
    settings: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class SavedPart:
    """One parameter in one step."""

    parameter: int
    before: Reference
    after: Reference | None = None
    gradient: Reference | None = None
    rule: int = 0
    gradient_norm: float | None = None
    update_norm: float | None = None
    state: tuple[tuple[str, Reference], ...] = ()


@dataclass(frozen=True, slots=True)
class SavedStep:
    """One step that is kept."""

    index: int
    program: int | None = None
    inputs: tuple[Reference, ...] = ()
    parameters: tuple[SavedPart, ...] = ()
    evaluations: tuple[float, ...] = ()
    earlier: tuple[tuple[int, Reference], ...] = ()
    seed: Reference | None = None


@dataclass(frozen=True, slots=True)
class SavedInstruction:
    """One operation of a program: by the name of its ``grad_fn``, or its own, where it stands beside the table.

    Attributes
    ----------
    member
        Where `operation` is a family: which of it.
    """

    operation: str
    arguments: tuple[Reference, ...] = ()
    settings: tuple[Any, ...] = ()
    member: tuple[Any, ...] | None = None


@dataclass(frozen=True, slots=True)
class SavedProgram:
    """A computation without its numbers; `owners` says which of the run's parameters goes into which slot."""

    graph: Graph
    title: str
    slots: tuple[Slot, ...]
    instructions: tuple[SavedInstruction, ...]
    output: Reference
    owners: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class SavedRun:
    """A run."""

    producer: str
    losses: Reference
    epoch_of: Reference
    loss_of: Reference
    loss_names: tuple[str, ...] = ()
    title: str = ""
    budget: Count = 0
    epochs: Count | None = None
    stride: Ordinal = 1
    whole_stride: Ordinal = 1
    notes: tuple[str, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    rules: tuple[SavedRule, ...] = ()
    programs: tuple[SavedProgram, ...] = ()
    steps: tuple[SavedStep, ...] = ()
    large: tuple[SavedLarge, ...] = ()
    numbers: tuple[Number | None, ...] = ()
