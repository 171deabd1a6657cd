"""PyTorch's graph, told: what the table says of each of its operations, and what went in and came out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import CodeType
from typing import TYPE_CHECKING, Any

import torch

from gradviz.engine.copyslices import of_a_part
from gradviz.engine.operation import Operation, table
from gradviz.engine.scope import Call
from gradviz.pytorch.again import again
from gradviz.pytorch.arguments import arguments_of, short_name, tensors_of
from gradviz.pytorch.cells import put_into_cells
from gradviz.pytorch.graph import Behind, Node, behind, is_leaf, is_own, name_of
from gradviz.pytorch.kept import Kept
from gradviz.pytorch.numbers import array_of, dtype_text
from gradviz.pytorch.refused import is_structure, kind_of, refuse
from gradviz.pytorch.rows import opaque, row_of, rows_called
from gradviz.pytorch.saved import is_freed, saved_by, values_in
from gradviz.pytorch.seen import PART, Argument, Seen, Whole, is_argument, results_of, seen_at, tensor_in
from gradviz.pytorch.seen import Source as From
from gradviz.pytorch.settings import RESULT, Read, plain
from gradviz.recording.told import NOWHERE, Key, Unknown

if TYPE_CHECKING:
    from gradviz.pytorch.watch import Watch


@dataclass(slots=True, eq=False)
class Result:
    """What an operation made, as an argument of another.

    Attributes
    ----------
    made
        The operation, and which of its results.
    numbers
        What stood in it.
    """

    made: Key
    numbers: Any


@dataclass(slots=True, eq=False)
class End:
    """Where the gradient of a leaf goes."""

    variable: torch.Tensor


RESULTS = {"LinalgLuBackward0": (1, 2), "LuUnpackBackward0": (1, 2)}
"""By node: which of its row's results are its own, where these are not the first ones."""


@dataclass(slots=True, eq=False, repr=False)
class Told:
    """One of PyTorch's operations: see `gradviz.recording.told.ToldOperation`.

    Attributes
    ----------
    outputs
        What stood in its results.
    targets
        See `Source.targets_of`.
    arguments, given
        Of what was watched: its inputs and its settings, as they were seen.
    saved
        Of a function of the user's: the arguments that it has saved.
    part
        Where the part stands in the first argument that was changed in place, if one was.
    """

    name: str
    operation: Operation
    many: bool
    output_shape: tuple[int, ...]
    made: int = 0
    origin: tuple[CodeType, int] = NOWHERE
    call: Call | None = None
    inputs: tuple[Any, ...] = ()
    edges: tuple[Any, ...] = ()
    settings: tuple[Any, ...] = ()
    outputs: list[Any] = field(default_factory=list)
    targets: tuple[tuple[str, Any], ...] = ()
    arguments: tuple[Any, ...] = ()
    given: tuple[Any, ...] = ()
    saved: tuple[str, ...] | None = None
    part: tuple[Any, ...] | None = None

    def __repr__(self) -> str:
        return f"<{self.name} {self.made}>"  # what goes into it may be a whole graph

    def result(self, number: int) -> Key:
        """Return one of the node's results: it counts only those that have a gradient."""
        places = RESULTS.get(self.name)
        return self, number if places is None else places[number]

    def by_place(self, numbers: Sequence[Any]) -> tuple[Any, ...]:
        """Put what belongs to each of the node's results where they stand among those of the row."""
        found: list[Any] = [None] * len(self.operation.outputs)
        for number, one in enumerate(numbers):
            found[self.result(number)[1]] = one
        return tuple(found)

    def saved_names(self) -> list[str]:
        """Return the names of what it saved for the backward pass."""
        if self.saved is not None:
            return list(self.saved)
        return self.operation.saved_names(tuple(edge is not None for edge in self.edges))


class Telling:
    """The graph behind some results, told.

    Parameters
    ----------
    outputs
        The results.
    watch
        What watched them being computed, if anything did.

    Attributes
    ----------
    freed_nodes, is_left
        The nodes of which a backward pass has dropped what was saved; and whether there are any.
    is_structure
        Whether its tensors have no numbers.
    """

    def __init__(self, outputs: Sequence[torch.Tensor], watch: Watch | None = None) -> None:
        self.watch = watch
        self.behind: Behind = behind(outputs)
        refuse(outputs, self.behind)
        self.is_structure = is_structure(outputs, self.behind)
        self.freed_nodes = frozenset([node for node in self.behind.nodes if is_freed(node)])
        self.is_left = bool(self.freed_nodes)
        self.told: dict[Node, Told] = {}
        self.by_number: dict[int, Told] = {}
        self._ends: dict[int, End] = {}
        self.leaf_numbers: dict[int, Any] = {}
        self._before: dict[int, torch.Tensor] = {}
        self._claimed: set[int] = set()
        self._outputs = {output.grad_fn: output for output in outputs}
        self._used = {edge for node in self.behind.nodes for edge in node.next_functions}
        self._used |= {(output.grad_fn, output.output_nr) for output in outputs}
        self._saved = values_in(self.behind) if watch is None else {}
        self._saved |= {(output.grad_fn, output.output_nr): output.detach() for output in outputs}
        for node, number in zip(self.behind.nodes, _in_order(self.behind.nodes), strict=True):
            self._tell(node, number)
        if watch is not None and not watch.fused:
            put_into_cells([*self.told.values()], watch.calls)

    # --- the graph, told --------------------------------------------------------------------------------------------

    def _tell(self, node: Node, number: int) -> None:
        name, seen = name_of(node), self._seen(node)
        shapes = [tuple(meta.shape) for meta in node._input_metadata]
        dtypes = [dtype_text(meta.dtype) for meta in node._input_metadata]
        places = RESULTS.get(name, range(len(shapes)))
        outputs = [Unknown((), "float32") for _ in range(max(places, default=0) + 1)]
        for nth, (place, shape, dtype) in enumerate(zip(places, shapes, dtypes, strict=True)):
            outputs[place] = self._saved.get((node, nth), Unknown(shape, dtype))
        if seen is not None and seen.whole is not None and name == PART:
            outputs[0] = seen.whole.after
            told = self._changed(node, seen, seen.whole, outputs)
        else:
            if seen is not None:
                for place, one in enumerate(results_of(seen)[: len(outputs)]):
                    outputs[place] = outputs[place] if one is None else one
            told = self._by_its_row(node, name, seen, outputs)
        told = told or self._opaque(node, name, seen, outputs)
        told.made, told.outputs = number, outputs
        self.told[node] = self.by_number[node._sequence_nr()] = told
        if seen is not None:
            told.origin, told.call = seen.origin, seen.call
            return
        changed = self.told.get(node.next_functions[0][0]) if node.next_functions else None
        if changed is not None and changed.part is not None:  # a view that PyTorch makes anew after the change
            told.origin, told.call = changed.origin, changed.call
        # What is left of a graph may have been computed with other numbers than its leaves hold by now.
        if (
            not (self.is_left or self.is_structure)
            and isinstance(outputs[0], Unknown)
            and (values := again(told, self._array_in)) is not None
        ):
            outputs[0] = torch.as_tensor(values)

    def _by_its_row(self, node: Node, name: str, seen: Seen | None, outputs: Sequence[Any]) -> Told | None:
        """Tell of an operation in the words of its row, if the table has one that has all its arguments."""
        arguments = self._from_what_was_saved(node, name) if seen is None else dict(arguments_of(seen))
        if not arguments or (seen is not None and isinstance(seen.function, type)):
            return None
        arguments[RESULT] = From(None), outputs[0]
        sizes = {slot: tuple(one[1].shape) for slot, one in arguments.items() if is_argument(one) and slot != RESULT}
        if seen is not None:
            arguments |= {slot: one for slot, one in self._written(seen, node) if slot not in ("self", "input")}
        found = row_of(name, arguments, sizes, len(outputs), self._setting, seen=seen is not None)
        if found is None:
            return None
        row = found.operation
        if not row.many and any((node, place) in self._used for place in range(1, len(node._input_metadata))):
            return None  # its row has one result that gradients come back from
        told = Told(name, row, many=row.many, output_shape=tuple(outputs[0].shape))
        self._give(told, [arguments.get(slot) for slot in found.slots])
        if seen is not None and not self._all_edges(node) <= set(told.edges):
            return None
        told.given = tuple([one.given if isinstance(one, Read) else one for one in found.settings])
        told.settings = tuple([one.value if isinstance(one, Read) else self._setting(one) for one in found.settings])
        told.targets = tuple(
            (setting, one[0].leaf)
            for setting, one in zip(row.settings, told.given, strict=True)
            if setting in ("target", "targets") and is_argument(one) and one[0].leaf is not None
        )
        return told

    def _changed(self, node: Node, seen: Seen, whole: Whole, outputs: Sequence[Any]) -> Told | None:
        """Tell of a change in place to part of a tensor, in the words of what was done to the part."""
        arguments = {**dict(arguments_of(seen)), RESULT: (From(None), seen.results)}
        sizes = {slot: tuple(one[1].shape) for slot, one in arguments.items() if is_argument(one) and slot != RESULT}
        for inner in rows_called(seen.function._schema.name):
            found = row_of(inner, arguments, sizes, 1, self._setting)
            if found is None:
                continue
            row = of_a_part(found.operation)
            told = Told(PART, row, many=False, output_shape=tuple(outputs[0].shape), part=whole.part)
            self._give(told, [whole.before, *(arguments.get(slot) for slot in found.slots[1:])])
            if self._all_edges(node) <= set(told.edges):
                told.settings = tuple(
                    [self._setting(one.value if isinstance(one, Read) else one) for one in found.settings]
                )
                return told
        return None

    def _opaque(self, node: Node, name: str, seen: Seen | None, outputs: Sequence[Any]) -> Told:
        """Tell of an operation that the table does not have: what went in, what came out, and what it sent back."""
        arguments = {} if seen is None or name == PART else dict(tensors_of(seen))
        slots = tuple(arguments) or tuple(_slots(node))
        own = is_own(node)
        row = opaque(name, short_name(name, seen), slots, len(outputs), own)
        told = Told(name, row, many=row.many, output_shape=tuple(outputs[0].shape))
        if arguments:
            self._give(told, list(arguments.values()))
        else:
            told.inputs, told.edges = self._from_edges(node)
        if own:
            told.saved = tuple(_saved_of(node, arguments))
        return told

    def _give(self, told: Told, arguments: Sequence[Any]) -> None:
        told.arguments = tuple(arguments)
        given = [self._given(argument) for argument in arguments]
        told.inputs, told.edges = tuple(one for one, _ in given), tuple(edge for _, edge in given)

    def _written(self, seen: Seen, node: Node) -> Iterator[tuple[str, Any]]:
        """Go through what an operation has written beside its results, as it was saved: what was kept stood there before."""
        for argument in seen.function._schema.arguments:
            if argument.alias_info is not None and argument.alias_info.is_write:
                try:
                    saved = getattr(node, f"_saved_{argument.name}", None)
                except RuntimeError:  # freed
                    yield argument.name, (From(None), Unknown((), "float32"))
                    continue
                if isinstance(saved, torch.Tensor):
                    yield argument.name, (From(saved, flows=False), Kept(saved.detach()))

    def _all_edges(self, node: Node) -> set[Key]:
        return {
            (self.end(before.variable), 0) if is_leaf(before) else self.told[before].result(place)
            for before, place in node.next_functions
            if before is not None
        }

    def _seen(self, node: Node) -> Seen | None:
        """Return what was watched of a node, which is then no other's."""
        if self.watch is None:
            return None
        found = seen_at(node, self.watch, self._outputs.get(node), self._claimed)
        if found is not None:
            self._claimed.add(id(found))
        return found

    def _from_what_was_saved(self, node: Node, name: str) -> dict[str, Any]:
        """Return the arguments of an operation that nobody watched, as far as its edges and what it saved tell them.

        Empty if it cannot be told which edge is which argument's.
        """
        row = table().get(name)
        moving = [] if row is None else [slot for slot in row.inputs if slot in row.derivatives]
        if row is None or len(moving) != len(node.next_functions):
            return {}
        saved = saved_by(node)
        arguments: dict[str, Any] = dict(saved)
        for slot, value in saved.items():
            if isinstance(value, torch.Tensor):
                arguments[slot] = From(value, flows=False), Kept(value.detach())
        edges = dict(zip(moving, node.next_functions, strict=True))
        for slot in row.inputs:
            before, place = edges.get(slot, (None, 0))
            if before is None:
                if slot not in arguments:
                    arguments[slot] = self._nobody(node, saved.get(f"{slot}_sym_sizes", ()))
            elif is_leaf(before):
                arguments[slot] = From(before.variable), Kept(before.variable.detach())
            else:
                told, which = self.told[before].result(place)
                arguments[slot] = From(None, before._sequence_nr(), place), told.outputs[which]
        return arguments

    def _nobody(self, node: Node, shape: tuple[int, ...]) -> Argument:
        """Return an argument that was not saved, as nothing reads it: of most not even the shape is known."""
        nobody = torch.empty(shape, device="meta")
        self.leaf_numbers[id(nobody)] = Unknown(shape, dtype_text(node._input_metadata[0].dtype))
        return From(nobody, flows=False), Kept(nobody)

    def _array_in(self, tensor: Any) -> Any:
        """Return the array in an argument; ``None`` if it is not known."""
        if tensor is None or isinstance(tensor, bool | int | float):
            return tensor
        if isinstance(tensor, Result):
            told, place = tensor.made
            numbers = self.known(told.outputs[place])
        else:
            numbers = self.numbers_in(tensor, None)
        return array_of(numbers) if isinstance(numbers, torch.Tensor) else None

    def _given(self, argument: Any) -> tuple[Any, Any]:
        """Return what stands in a slot, and where its gradient goes."""
        if not is_argument(argument):
            return argument, None
        source, kept = argument
        if source.leaf is None:
            made = self.by_number.get(source.number)
            if made is None:  # of a graph that ends before
                return tensor_in(kept), None
            key = made.result(source.place)
            self._learn(key, kept)
            return Result(key, kept), key
        leaf = source.leaf
        if leaf.grad_fn is not None:  # it has been changed in place since, and is a result now
            leaf = self._before.setdefault(id(kept), leaf.detach())
        self.leaf_numbers.setdefault(id(leaf), kept)
        return leaf, (self.end(leaf), 0) if source.flows else None

    def _from_edges(self, node: Node) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        inputs: list[Any] = []
        edges: list[Key] = []
        for before, place in node.next_functions:
            if before is None:
                continue
            if is_leaf(before):
                inputs.append(before.variable)
                edges.append((self.end(before.variable), 0))
            else:
                key = self.told[before].result(place)
                inputs.append(Result(key, None))
                edges.append(key)
        return tuple(inputs), tuple(edges)

    def end(self, leaf: torch.Tensor) -> End:
        """Return where the gradient of a leaf goes."""
        return self._ends.setdefault(id(leaf), End(leaf))

    def _learn(self, key: Key, numbers: Any) -> None:
        told, place = key
        if isinstance(told.outputs[place], Unknown):
            told.outputs[place] = numbers

    def _setting(self, value: Any) -> Any:
        if is_argument(value):
            tensor = self.known(value[1])
            return array_of(tensor) if isinstance(tensor, torch.Tensor) else None
        if type(value) in (list, tuple):
            return tuple([self._setting(each) for each in value])
        return plain(value)

    def known(self, numbers: Any) -> Any:
        """Return the tensor that was kept, or what is left of it."""
        found = numbers
        if isinstance(numbers, Kept):
            found = numbers.tensor if numbers.tensor is not None else numbers
        if isinstance(found, torch.Tensor) and kind_of(found) in ("meta", "quantised"):
            return Unknown(tuple(found.shape), dtype_text(found.dtype))
        return found

    def numbers_in(self, tensor: Any, operation: Told | None, *, done: bool = False) -> Any:
        """Return what stood in a tensor when an operation began, or when it was `done`."""
        if isinstance(tensor, Result):
            told, place = tensor.made
            return self.known(told.outputs[place])
        made = self.made_by(tensor)
        if made[0] is not None:
            return self.known(made[0].outputs[made[1]])
        kept = self.leaf_numbers.get(id(tensor))
        return self.known(tensor.detach() if kept is None else kept)

    def made_by(self, tensor: Any) -> Key:
        """Return the key of a result; ``(None, 0)`` for a leaf."""
        if isinstance(tensor, Result):
            return tensor.made
        told = None if tensor.grad_fn is None else self.told.get(tensor.grad_fn)
        return (None, 0) if told is None else told.result(tensor.output_nr)


def _in_order(nodes: Sequence[Node]) -> list[int]:
    """Return PyTorch's numbers of operations; if several threads have counted, each for itself, new ones."""
    numbers = [node._sequence_nr() for node in nodes]
    return numbers if numbers == sorted(set(numbers)) else list(range(len(nodes)))


def _slots(node: Node) -> list[str]:
    count = sum(before is not None for before, _ in node.next_functions)
    return ["self"] if count == 1 else [f"input{place}" for place in range(count)]


def _saved_of(node: Node, arguments: Mapping[str, Any]) -> Iterator[str]:
    """Go through the arguments that a function of the user's has saved, as long as that is there."""
    try:
        places = {one.data_ptr() for one in node.saved_tensors if one is not None}
    except RuntimeError:
        return
    for slot, (_, kept) in arguments.items():
        if isinstance(kept, Kept) and kept.tensor is not None and kept.tensor.data_ptr() in places:
            yield slot
