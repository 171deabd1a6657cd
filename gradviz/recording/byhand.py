"""A graph that was told by hand, as a source of recordings: see `gradviz.recording.told.Source`."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import CodeType
from typing import Any

import numpy as np

from gradviz.engine.operation import Operation
from gradviz.engine.scope import Call
from gradviz.recording.model import Pixels
from gradviz.recording.pixels import pixels_of
from gradviz.recording.told import NOWHERE, Identity, Key, Pass, Printed, Unknown
from gradviz.recording.values import copied, dtype_text, kept

LEAF: Key = (None, 0)
"""What made a leaf."""


@dataclass(frozen=True, slots=True, eq=False, repr=False, weakref_slot=True)
class BuiltTensor:
    """A tensor of a recording that is being built: what stands for it where it is used.

    Attributes
    ----------
    numbers
        Its numbers, as an array; or `Unknown`.
    requires_grad
        Whether gradients go to it, or through it.
    made
        The operation that made it, and which of its results it is.
    """

    numbers: Any
    requires_grad: bool
    made: Key = LEAF

    @property
    def shape(self) -> tuple[int, ...]:
        """Its shape."""
        return tuple(self.numbers.shape)

    @property
    def dtype(self) -> str:
        """The name of its dtype: ``"float32"``."""
        return self.numbers.dtype if isinstance(self.numbers, Unknown) else dtype_text(self.numbers.dtype)

    @property
    def variable(self) -> BuiltTensor:
        """Where the gradient of a leaf goes: to itself."""
        return self

    def __repr__(self) -> str:
        flows = ", requires_grad=True" if self.requires_grad else ""
        return f"<BuiltTensor of {self.dtype}, shape {list(self.shape)}{flows}>"


@dataclass(slots=True, eq=False)
class BuiltOperation:
    """One operation that was told by hand: see `gradviz.recording.told.ToldOperation`."""

    operation: Operation
    inputs: tuple[Any, ...]
    edges: tuple[Any, ...]
    settings: tuple[Any, ...]
    targets: tuple[tuple[str, BuiltTensor], ...]
    output_shape: tuple[int, ...]
    many: bool
    made: int
    call: Call | None
    origin: tuple[CodeType, int] = NOWHERE

    def saved_names(self) -> Sequence[str]:
        """Return nothing: what another program saves is not known."""
        return ()


class ByHand:
    """What was told by hand, as a source.

    Parameters
    ----------
    ran
        What the backward pass did, if there was one.
    """

    operation = BuiltOperation

    def __init__(self, ran: Pass | None = None) -> None:
        self.ran = ran

    # --- what the learner's variables hold ----------------------------------------------------------------------------

    def is_tensor(self, value: Any) -> bool:
        return isinstance(value, BuiltTensor)

    def is_module(self, value: Any) -> bool:
        return False

    def tags_of(self, module: Any) -> Sequence[tuple[str, int]]:
        return ()

    def parameters_of(self, module: Any) -> Sequence[tuple[str, Any]]:
        return ()

    # --- the graph ----------------------------------------------------------------------------------------------------

    def operations_behind(self, outputs: Sequence[BuiltTensor]) -> list[BuiltOperation]:
        found: set[BuiltOperation] = set()
        waiting = [tensor.made[0] for tensor in outputs]
        while waiting:
            operation = waiting.pop()
            if operation not in found:
                found.add(operation)
                waiting.extend(edge[0] for edge in operation.edges if edge and isinstance(edge[0], BuiltOperation))
        return sorted(found, key=lambda operation: operation.made)

    def past_pass(self, outputs: Sequence[BuiltTensor], operations: Sequence[BuiltOperation]) -> Pass | None:
        return self.ran

    def trial_pass(self, outputs: Sequence[BuiltTensor], gradient: Any) -> Pass:
        raise RuntimeError("what was told by hand cannot be run")

    def remarks(self, ran: Pass | None) -> Sequence[str]:
        return ()

    def freed(self, operations: Sequence[BuiltOperation]) -> bool:
        return False

    def is_freed(self, operation: BuiltOperation) -> bool:
        return False

    def name_of(self, operation: BuiltOperation) -> str:
        return f"{operation.operation.name} backward"

    def targets_of(self, operation: BuiltOperation) -> Sequence[tuple[str, BuiltTensor]]:
        return operation.targets

    def part_of(self, operation: BuiltOperation) -> None:
        return None

    # --- tensors ------------------------------------------------------------------------------------------------------

    def identity(self, tensor: BuiltTensor) -> Identity:
        operation, place = tensor.made
        return id(tensor) if operation is None else (id(operation), place)

    def made_by(self, tensor: BuiltTensor) -> Key:
        return tensor.made

    def requires_grad(self, tensor: BuiltTensor) -> bool:
        return tensor.requires_grad

    def base_of(self, tensor: BuiltTensor) -> None:
        return None

    def view_of(self, tensor: BuiltTensor) -> None:
        return None

    def detached_from(self, tensor: BuiltTensor) -> None:
        return None

    def cut_of(self, tensor: BuiltTensor) -> None:
        return None

    def layout_of(self, tensor: BuiltTensor) -> Any:
        return np.broadcast_to(np.zeros(()), tensor.shape)

    def reference_to(self, tensor: BuiltTensor) -> Callable[[], Any]:
        return weakref.ref(tensor)

    # --- numbers ------------------------------------------------------------------------------------------------------

    def numbers_in(self, tensor: BuiltTensor, operation: BuiltOperation, *, done: bool = False) -> Any:
        return tensor.numbers

    def written_number(self, tensor: BuiltTensor, operation: BuiltOperation) -> Any:
        return None if isinstance(tensor.numbers, Unknown) else tensor.numbers.item()

    def kind_of(self, numbers: Any) -> tuple[tuple[int, ...], str]:
        return tuple(numbers.shape), numbers.dtype if isinstance(numbers, Unknown) else dtype_text(numbers.dtype)

    def copied(self, numbers: Any) -> Any:
        return None if isinstance(numbers, Unknown) else copied(numbers)

    def kept(self, numbers: Any, printed: Printed | None = None) -> tuple[Any, Any]:
        return (None, None) if isinstance(numbers, Unknown) else kept(numbers, printed)

    def pixels(self, numbers: Any, shape: tuple[int, int, int]) -> Pixels | None:
        return None if isinstance(numbers, Unknown) else pixels_of(numbers, shape)

    def same(self, numbers: Any, others: Any) -> bool:
        return numbers is others or (
            numbers is not None and others is not None and np.array_equal(numbers, others, equal_nan=True)
        )

    def all_ones(self, numbers: Any) -> bool:
        return bool(np.all(numbers == 1))
