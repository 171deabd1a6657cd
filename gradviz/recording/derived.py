"""A graph made of another, and its steps: some of its tensors and operations stay, and new operations stand for several each.

Whatever looks at all of it reads columns, which are made of those of the other graph; its parts, and the moments of the way forward,
are made when somebody asks for one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property
from typing import Any, TypeVar, cast

from gradviz.recording.frames import Steps
from gradviz.recording.model import Block, Frame, Graph, Source, Value
from gradviz.recording.outline import Numbers, Outline

T = TypeVar("T")


class Derived(Outline):
    """The columns of a graph made of another.

    Parameters
    ----------
    graph
        Whose they are.
    before
        The columns of the other graph.
    tensors, operations
        The numbers there of those that stay, in order; in the place of a new operation ``~number``.
    """

    def __init__(self, graph: Graph, before: Outline, tensors: Sequence[int], operations: Sequence[int]) -> None:
        super().__init__(graph)
        self.before, self.tensors, self.operations = before, tensors, operations
        self._number = {tensor: number for number, tensor in enumerate(tensors)}

    def like(self, new: int) -> int:
        """Return the operation of the other graph from which a new one has what is not its own."""
        raise NotImplementedError

    def of_tensors(self, column: Sequence[T]) -> Sequence[T]:
        """Return a column of the tensors that stay."""
        return [column[number] for number in self.tensors]

    def of_operations(self, column: Sequence[T], of_new: Callable[[int], T] | None = None) -> Sequence[T]:
        """Return a column of the operations, by what holds of a new one if that is its own."""
        if of_new is None:
            return [column[number if number >= 0 else self.like(~number)] for number in self.operations]
        return [column[number] if number >= 0 else of_new(~number) for number in self.operations]

    def renumbered(self, tensors: Sequence[Numbers]) -> Sequence[Numbers]:
        """Return what tensors of the other graph are here."""
        number = self._number
        return [tuple([number[tensor] for tensor in some]) for some in tensors]

    @cached_property
    def dropped(self) -> frozenset[int]:
        """The tensors of the other graph that are not here."""
        return frozenset(range(len(self.before.tensor_ids))).difference(self.tensors)

    # --- of tensors -----------------------------------------------------------------------------------------------

    @cached_property
    def tensor_ids(self) -> Sequence[str]:  # noqa: D102
        return self.of_tensors(self.before.tensor_ids)

    @cached_property
    def roles(self) -> Sequence[str]:  # noqa: D102
        return self.of_tensors(self.before.roles)

    @cached_property
    def named(self) -> Sequence[bool]:  # noqa: D102
        return self.of_tensors(self.before.named)

    @cached_property
    def shapes(self) -> Sequence[tuple[int, ...]]:  # noqa: D102
        return self.of_tensors(self.before.shapes)

    @cached_property
    def owners(self) -> Sequence[str]:  # noqa: D102
        return self.of_tensors(self.before.owners)

    @cached_property
    def makers(self) -> Sequence[int]:  # noqa: D102
        found = [-1] * len(self.tensors)
        for place, results in enumerate(self.outputs):
            for result in results:
                found[result] = place
        return found

    @cached_property
    def views(self) -> bool:  # noqa: D102
        return self.before.views

    # --- of operations --------------------------------------------------------------------------------------------

    @cached_property
    def ids(self) -> Sequence[str]:  # noqa: D102
        return self.of_operations(self.before.ids)

    @cached_property
    def names(self) -> Sequence[str]:  # noqa: D102
        return self.of_operations(self.before.names)

    @cached_property
    def grad_fns(self) -> Sequence[str | None]:  # noqa: D102
        return self.of_operations(self.before.grad_fns)

    @cached_property
    def sequences(self) -> Sequence[int]:  # noqa: D102
        return self.of_operations(self.before.sequences)

    @cached_property
    def modules(self) -> Sequence[str]:  # noqa: D102
        return self.of_operations(self.before.modules)

    @cached_property
    def calls(self) -> Sequence[int | None]:  # noqa: D102
        return self.of_operations(self.before.calls)

    @cached_property
    def sources(self) -> Sequence[Source | None]:  # noqa: D102
        return self.of_operations(self.before.sources)

    @cached_property
    def slots(self) -> Sequence[tuple[str, ...]]:  # noqa: D102
        return self.of_operations(self.before.slots)

    @cached_property
    def blocks(self) -> Mapping[int, Block]:  # noqa: D102
        before = self.before.blocks
        return {place: before[number] for place, number in enumerate(self.operations) if number in before}


class DerivedSteps(Steps):
    """The moments of a graph made of another.

    Parameters
    ----------
    outline
        Its columns.
    before
        The moments of the other graph.
    back
        Those of the backward pass.
    of_new
        Returns the moment at which a new operation has run.
    """

    __slots__ = ("_before", "_of_new")

    def __init__(self, outline: Derived, before: Steps, back: Sequence[Frame], of_new: Callable[[int], Frame]) -> None:
        self._before, self._of_new = before, of_new
        super().__init__(outline, back)

    @property
    def _derived(self) -> Derived:
        return cast("Derived", self.outline)

    def first(self, hidden: Collection[int]) -> Frame:  # noqa: D102
        derived = self._derived
        return self._before.first(derived.dropped.union([derived.tensors[number] for number in hidden]))

    def forward(self, number: int) -> Frame:  # noqa: D102
        operation = self._derived.operations[number]
        found: Any = self._before[operation + 1] if operation >= 0 else self._of_new(~operation)
        return cast("Frame", found)

    def value(self, tensor: int) -> Value | None:  # noqa: D102
        return self._before.value(self._derived.tensors[tensor])
