"""What a recording is told by the program that computed: of its operations, its tensors, and its backward passes.

gradviz's engine tells (`gradviz.recording.engine`), PyTorch does (`gradviz.pytorch`), and so can any program, by hand
(`gradviz.recording.builder`). Everything else in this folder knows the protocols below, and of the engine only its table: what
an operation's row says holds for whoever ran it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import CodeType
from typing import Any, Protocol

from gradviz.engine.operation import Operation
from gradviz.engine.scope import Call
from gradviz.recording.later import Write
from gradviz.recording.model import Pixels, Value

Key = tuple[Any, ...]
"""A tensor of the graph: ``(operation, which of its results)`` for a result, ``("leaf", id(tensor))`` for a leaf and
``("constant", operation, place)`` for a plain number."""

Identity = int | tuple[int, int]
"""By what a tensor is known to those who look for its name: its ``id``; of a result that of its operation, and its place."""

NOWHERE: tuple[CodeType, int] = (compile("", "?", "exec"), 2**20)
"""The line of what was run nobody knows where."""

Printed = Write
"""What says of an array, as its last argument, how it is to be printed: see `Value.digits` and `Value.dust`."""


class RefusedError(TypeError):
    """A graph holds what cannot be drawn, such as complex numbers. Says by its name what it is, and what to do."""


def is_result(key: Key) -> bool:
    """Return True for the key of what an operation made."""
    return type(key[0]) is not str


@dataclass(slots=True, eq=False)
class Unknown:
    """Numbers that nobody kept.

    Attributes
    ----------
    shape, dtype
        What is known of them.
    """

    shape: tuple[int, ...]
    dtype: str


class ToldOperation(Protocol):
    """One operation that was run.

    Attributes
    ----------
    operation
        Its row of the table, or one of its own for a function that the table does not have.
    inputs
        What stood in each slot of the row: a tensor of the program's, a plain number, or ``None`` where nothing was given.
    edges
        For each of these where its gradient goes: ``(operation, place)``, or an object with the leaf as its ``variable``;
        ``None`` where none goes.
    settings
        The row's settings.
    output_shape
        The shape of its first result.
    many
        Whether a backward pass brings it one gradient for each of its results.
    made
        Its place in the order of operations.
    origin
        The code object and the instruction that ran it.
    call
        The module call in which it ran.
    """

    operation: Operation
    inputs: tuple[Any, ...]
    edges: tuple[Any, ...]
    output_shape: tuple[int, ...]
    many: bool
    made: int
    origin: tuple[CodeType, int]
    call: Call | None

    @property
    def settings(self) -> tuple[Any, ...]:
        """The row's settings."""
        ...

    def saved_names(self) -> Sequence[str]:
        """Return the names of what it saved for the backward pass."""
        ...


@dataclass(frozen=True, slots=True)
class Replaced:
    """What hooks put something else in the place of, as far as they did.

    Attributes
    ----------
    outputs
        By place: what had arrived at a result, before the hooks of its tensor were called.
    upstream
        What these made of it.
    contributions
        What the operation sent, before the hooks that come after it were called.
    """

    outputs: Mapping[int, Any]
    upstream: Any = None
    contributions: Sequence[Any] | None = None


@dataclass(frozen=True, slots=True)
class Pass:
    """What one backward pass did.

    Attributes
    ----------
    order
        The operations it went through, in order.
    upstream, contributions
        By operation: the gradient that arrived, and what went to each argument. Of a pass that nobody saw none, and no more is
        known of it than what it left in the leaves.
    before
        By leaf: what its ``.grad`` held already, or ``None``.
    total
        By leaf: what this pass brought it.
    arrived
        By leaf: what of that had arrived, before its hooks were called.
    replaced
        By operation: what its hooks were given, if it has any.
    """

    order: tuple[Any, ...]
    upstream: Mapping[Any, Any]
    contributions: Mapping[Any, Sequence[Any]]
    before: Mapping[Any, Any]
    total: Mapping[Any, Any]
    arrived: Mapping[Any, Any]
    replaced: Mapping[Any, Any]

    @property
    def was_seen(self) -> bool:
        """Whether more is known of it than what it left."""
        return bool(self.upstream)

    def gradient_of(self, key: Key) -> Any:
        """Return the gradient of a result: what arrived, or what the hooks of its tensor put in its place."""
        operation, place = key
        given = self.replaced.get(operation)
        gradient = self.upstream[operation] if given is None or given.upstream is None else given.upstream
        return gradient[place] if operation.many else gradient

    def arrived_at(self, key: Key) -> Any:
        """Return what had arrived at a result before the hooks of its tensor were called."""
        given = self.replaced.get(key[0])
        return given.outputs[key[1]] if given is not None and key[1] in given.outputs else self.gradient_of(key)

    def sent(self, operation: Any) -> Sequence[Any]:
        """Return what an operation computed for its arguments, before the hooks that come after it were called."""
        given = self.replaced.get(operation)
        return self.contributions[operation] if given is None or given.contributions is None else given.contributions


def places_of(operation: ToldOperation) -> range:
    """Return the numbers of an operation's results from which gradients flow."""
    return range(len(operation.operation.outputs) if operation.many else 1)


class Source(Protocol):
    """A program that computes and differentiates.

    Numbers (what stands in a tensor, a gradient) are passed through as the program has them: arrays of NumPy's, or anything
    else that can be added, from which `kept` makes values.

    Attributes
    ----------
    operation
        The class of its operations.
    """

    operation: type[Any]

    # --- what the learner's variables hold -----------------------------------------------------------------------

    def is_tensor(self, value: Any) -> bool:
        """Return True for one of its tensors."""
        ...

    def is_module(self, value: Any) -> bool:
        """Return True for one of its modules."""
        ...

    def tags_of(self, module: Any) -> Sequence[tuple[str, int]]:
        """Return the paths of a module and of all inside it, each with the ``id`` of its tag."""
        ...

    def parameters_of(self, module: Any) -> Sequence[tuple[str, Any]]:
        """Return the paths of a module's parameters, each with its tensor."""
        ...

    # --- the graph ------------------------------------------------------------------------------------------------

    def operations_behind(self, outputs: Sequence[Any]) -> list[Any]:
        """Return every operation that results depend on, oldest first."""
        ...

    def past_pass(self, outputs: Sequence[Any], operations: Sequence[Any]) -> Pass | None:
        """Return what the last ``backward()`` through results left behind, if it is known."""
        ...

    def trial_pass(self, outputs: Sequence[Any], gradient: Any) -> Pass:
        """Run a backward pass and watch it, leaving every ``.grad`` and everything saved as it was."""
        ...

    def remarks(self, ran: Pass | None) -> Sequence[str]:
        """Return what is to be known of what is missing from a recording, and why, in sentences."""
        ...

    def freed(self, operations: Sequence[Any]) -> bool:
        """Return True if a backward pass has dropped what operations had saved."""
        ...

    def is_freed(self, operation: Any) -> bool:
        """Return True if this operation has nothing left of what it saved."""
        ...

    def name_of(self, operation: Any) -> str:
        """Return the name of the class of its ``grad_fn``."""
        ...

    def targets_of(self, operation: Any) -> Sequence[tuple[str, Any]]:
        """Return the tensors that a loss compares with where they are settings of its row, with the settings' names."""
        ...

    def part_of(self, operation: Any) -> tuple[Any, ...] | None:
        """Return where in its first argument the part stands that was changed in place, if one was."""
        ...

    # --- tensors --------------------------------------------------------------------------------------------------

    def identity(self, tensor: Any) -> Identity:
        """Return by what a tensor is known among the names."""
        ...

    def made_by(self, tensor: Any) -> Key:
        """Return the key of a result; ``(None, 0)`` for a leaf."""
        ...

    def requires_grad(self, tensor: Any) -> bool:
        """Return True if gradients go to a tensor, or through it."""
        ...

    def base_of(self, tensor: Any) -> Any:
        """Return the tensor of which a leaf is a view; ``None`` if it has memory of its own."""
        ...

    def view_of(self, tensor: Any) -> Any:
        """Return what two views of the same numbers in the same shape have in common; ``None`` where that does not matter."""
        ...

    def detached_from(self, tensor: Any) -> Any:
        """Return the tensor that a leaf was detached from, as long as that is there."""
        ...

    def cut_of(self, tensor: Any) -> tuple[str, str, Any] | None:
        """Return why no gradient goes back beyond a leaf: the kind of cut, what was written, and where; ``None`` if nothing was cut."""
        ...

    def layout_of(self, tensor: Any) -> Any:
        """Return an array that lies in memory as a tensor does; its numbers may be others."""
        ...

    def reference_to(self, tensor: Any) -> Callable[[], Any]:
        """Return what returns a tensor as long as it is there."""
        ...

    # --- numbers --------------------------------------------------------------------------------------------------

    def numbers_in(self, tensor: Any, operation: Any, *, done: bool = False) -> Any:
        """Return what stood in a tensor when an operation began, or when it was `done`."""
        ...

    def written_number(self, tensor: Any, operation: Any) -> Any:
        """Return the number in a tensor that has no name, when an operation began; ``None`` if it is not known."""
        ...

    def kind_of(self, numbers: Any) -> tuple[tuple[int, ...], str]:
        """Return the shape and the dtype of numbers."""
        ...

    def copied(self, numbers: Any) -> Any:
        """Copy numbers as they are now, as an array of which a value is made when it is asked for; ``None`` if they are to be `kept` at once."""
        ...

    def kept(self, numbers: Any, printed: Printed | None = None) -> tuple[Any, Value | None]:
        """Keep numbers as they are now: as an array if they are few, and as a value; ``None`` for each that is not known."""
        ...

    def pixels(self, numbers: Any, shape: tuple[int, int, int]) -> Pixels | None:
        """Keep of many numbers their first matrices, in so many rows and columns; ``None`` if they are not known."""
        ...

    def same(self, numbers: Any, others: Any) -> bool:
        """Return True if two are equal, entry by entry."""
        ...

    def all_ones(self, numbers: Any) -> bool:
        """Return True if each entry is 1."""
        ...
