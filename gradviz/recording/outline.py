"""A graph in columns: what those read who look at all of it, to fold most of it away.

Tensors and operations have numbers here, their places in the graph. Of a graph that was just collected, the columns are there
before its tensors and operations are, which are made when somebody asks for them: of a long computation few ever are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gradviz.recording.model import Block, Graph, Source

Numbers = tuple[int, ...]


class Outline:
    """The columns of a graph, each made when it is first read.

    Parameters
    ----------
    graph
        Whose they are.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    # --- of tensors -----------------------------------------------------------------------------------------------

    @cached_property
    def tensor_ids(self) -> Sequence[str]:
        """The id of each tensor."""
        return [tensor.id for tensor in self._graph.tensors]

    @cached_property
    def roles(self) -> Sequence[str]:
        """What it is."""
        return [tensor.role for tensor in self._graph.tensors]

    @cached_property
    def named(self) -> Sequence[bool]:
        """Whether its name is the user's own."""
        return [tensor.named for tensor in self._graph.tensors]

    @cached_property
    def shapes(self) -> Sequence[tuple[int, ...]]:
        """Its shape."""
        return [tensor.shape for tensor in self._graph.tensors]

    @cached_property
    def owners(self) -> Sequence[str]:
        """The path of the module it belongs to."""
        return [tensor.module for tensor in self._graph.tensors]

    @cached_property
    def makers(self) -> Sequence[int]:
        """The number of the operation that made it, −1 for none."""
        places = self.places
        return [places.get(tensor.producer or "", -1) for tensor in self._graph.tensors]

    @cached_property
    def views(self) -> bool:
        """Whether any is a view of another, made outside of the graph."""
        return any(tensor.view_of for tensor in self._graph.tensors)

    # --- of operations --------------------------------------------------------------------------------------------

    @cached_property
    def ids(self) -> Sequence[str]:
        """The id of each operation."""
        return [operation.id for operation in self._graph.operations]

    @cached_property
    def names(self) -> Sequence[str]:
        """Its name."""
        return [operation.name for operation in self._graph.operations]

    @cached_property
    def symbols(self) -> Sequence[str]:
        """What its disc shows."""
        return [operation.symbol for operation in self._graph.operations]

    @cached_property
    def grad_fns(self) -> Sequence[str | None]:
        """The name of its ``grad_fn``, ``None`` where no gradient flows."""
        return [operation.grad_fn for operation in self._graph.operations]

    @cached_property
    def sequences(self) -> Sequence[int]:
        """Its number in order of creation."""
        return [operation.sequence for operation in self._graph.operations]

    @cached_property
    def modules(self) -> Sequence[str]:
        """The path of the module in which it ran."""
        return [operation.module for operation in self._graph.operations]

    @cached_property
    def calls(self) -> Sequence[int | None]:
        """In which of the graph's calls it ran."""
        return [operation.call for operation in self._graph.operations]

    @cached_property
    def sources(self) -> Sequence[Source | None]:
        """Where it was written, if that is known."""
        return [operation.source for operation in self._graph.operations]

    @cached_property
    def lines(self) -> Sequence[int]:
        """The line in which it was written, 0 where that is not known."""
        return [0 if source is None else source.line for source in self.sources]

    @cached_property
    def attributes(self) -> Sequence[tuple[tuple[str, str], ...]]:
        """Its settings, as text."""
        return [operation.attributes for operation in self._graph.operations]

    @cached_property
    def slots(self) -> Sequence[tuple[str, ...]]:
        """The names of its slots in which there is something."""
        return [tuple([argument.slot for argument in operation.inputs]) for operation in self._graph.operations]

    @cached_property
    def inputs(self) -> Sequence[Numbers]:
        """The numbers of the tensors in its slots."""
        places = self.tensor_places
        return [tuple([places[argument.tensor] for argument in one.inputs]) for one in self._graph.operations]

    @cached_property
    def outputs(self) -> Sequence[Numbers]:
        """The numbers of its results."""
        places = self.tensor_places
        return [tuple([places[output] for output in operation.outputs]) for operation in self._graph.operations]

    @cached_property
    def blocks(self) -> Mapping[int, Block]:
        """What those stand for that were folded from several, by their numbers."""
        operations = enumerate(self._graph.operations)
        return {place: operation.block for place, operation in operations if operation.block is not None}

    # --- by their ids ---------------------------------------------------------------------------------------------

    @cached_property
    def tensor_places(self) -> Mapping[str, int]:
        """The number of each tensor, by its id."""
        return {id: place for place, id in enumerate(self.tensor_ids)}

    @cached_property
    def places(self) -> Mapping[str, int]:
        """The number of each operation, by its id."""
        return {id: place for place, id in enumerate(self.ids)}
