"""PyTorch's graph, told: what the table says of each of its operations, and what went in and came out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from types import CodeType
from typing import TYPE_CHECKING, Any

import torch

from gradviz.engine.operation import Operation, table
from gradviz.engine.scope import Call
from gradviz.pytorch.again import again
from gradviz.pytorch.graph import Behind, Node, behind, is_leaf
from gradviz.pytorch.kept import Kept
from gradviz.pytorch.numbers import array_of, dtype_text
from gradviz.pytorch.refused import is_structure, kind_of, refuse
from gradviz.pytorch.rows import opaque, plain, row_of
from gradviz.pytorch.saved import is_freed, saved_by, values_in
from gradviz.pytorch.seen import Argument, Seen, is_argument, results_of, seen_at, tensor_in
from gradviz.pytorch.seen import Source as From
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
    """

    name: str
    operation: Operation
    made: int
    origin: tuple[CodeType, int]
    call: Call | None
    many: bool
    output_shape: tuple[int, ...]
    inputs: tuple[Any, ...] = ()
    edges: tuple[Any, ...] = ()
    settings: tuple[Any, ...] = ()
    outputs: list[Any] = field(default_factory=list)
    targets: tuple[tuple[str, Any], ...] = ()
    arguments: tuple[Any, ...] = ()
    given: tuple[Any, ...] = ()

    def __repr__(self) -> str:
        return f"<{self.name} {self.made}>"  # what goes into it may be a whole graph

    def saved_names(self) -> list[str]:
        """Return the names of what it saved for the backward pass."""
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
    is_left
        Whether a backward pass has been, and has dropped what was saved.
    is_structure
        Whether its tensors have no numbers.
    """

    def __init__(self, outputs: Sequence[torch.Tensor], watch: Watch | None = None) -> None:
        self.watch = watch
        self.behind: Behind = behind(outputs)
        refuse(outputs, self.behind)
        self.is_structure = is_structure(outputs, self.behind)
        self.told: dict[Node, Told] = {}
        self.by_number: dict[int, Told] = {}
        self._ends: dict[int, End] = {}
        self.leaf_numbers: dict[int, Any] = {}
        self._claimed: set[int] = set()
        self._outputs = {output.grad_fn: output for output in outputs}
        self.is_left = any(is_freed(node) for node in self.behind.nodes)
        self._saved = values_in(self.behind) if watch is None else {}
        self._saved |= {(output.grad_fn, output.output_nr): output.detach() for output in outputs}
        for number, node in enumerate(self.behind.nodes):
            self._tell(node, number)

    # --- the graph, told --------------------------------------------------------------------------------------------

    def _tell(self, node: Node, number: int) -> None:
        name = node.name().rpartition("::")[2]
        seen = self._seen(node)
        shapes = [tuple(meta.shape) for meta in node._input_metadata]
        dtypes = [dtype_text(meta.dtype) for meta in node._input_metadata]
        arguments = self._from_what_was_saved(node, name) if seen is None else dict(_arguments(seen))
        sizes = {slot: tuple(one[1].shape) for slot, one in arguments.items() if is_argument(one)}
        found = row_of(name, arguments, sizes, len(shapes)) if arguments else None
        short = _short_name(name, seen)
        if found is not None:
            row, slots = found.operation, found.slots
        else:
            slots = tuple(sizes) or tuple(_slots(node))
            row = opaque(name, short, slots, len(shapes))
        origin, call = (NOWHERE, None) if seen is None else (seen.origin, seen.call)
        told = Told(name, row, number, origin, call, row.many, shapes[0])
        self.told[node] = self.by_number[node._sequence_nr()] = told
        told.outputs = [
            self._saved.get((node, place), Unknown(shape, dtype))
            for place, (shape, dtype) in enumerate(zip(shapes, dtypes, strict=True))
        ]
        if found is None and seen is None:
            told.inputs, told.edges = self._from_edges(node)
        else:
            told.arguments = tuple([arguments.get(slot) for slot in slots])
            given = [self._given(argument) for argument in told.arguments]
            told.inputs, told.edges = tuple(one for one, _ in given), tuple(edge for _, edge in given)
            if found is not None and found.settings is not None:
                told.given = found.settings
                told.settings = tuple([self._setting(one) for one in found.settings])
                told.targets = tuple(
                    (setting, one[0].leaf)
                    for setting, one in zip(row.settings, found.settings, strict=True)
                    if setting in ("target", "targets") and is_argument(one) and one[0].leaf is not None
                )
        if seen is not None:
            for place, one in enumerate(results_of(seen)):
                if place < len(told.outputs) and one is not None:
                    told.outputs[place] = one
        # What is left of a graph may have been computed with other numbers than its leaves hold by now.
        elif (
            not (self.is_left or self.is_structure)
            and isinstance(told.outputs[0], Unknown)
            and (values := again(told, self._array_in)) is not None
        ):
            told.outputs[0] = torch.as_tensor(values)

    def _seen(self, node: Node) -> Seen | None:
        """Return what was watched of a node. What is changed in place may have been copied first, under the same number."""
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
                told = self.told[before]
                arguments[slot] = From(None, before._sequence_nr(), place), told.outputs[place]
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
            key = made, source.place
            self._learn(key, kept)
            return Result(key, kept), key
        leaf = source.leaf
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
                key = self.told[before], place
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
            tensor = tensor_in(value[1])
            return None if tensor is None else array_of(tensor)
        if isinstance(value, list | tuple):
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
        return (told, tensor.output_nr) if told is not None else (None, 0)


def _arguments(seen: Seen) -> Iterator[tuple[str, Any]]:
    """Go through the arguments of an operation by PyTorch's names; a list of tensors is taken apart."""
    for place, argument in enumerate(seen.function._schema.arguments):
        name = argument.name
        if place < len(seen.arguments):
            value = seen.arguments[place]
        elif name in seen.keywords:
            value = seen.keywords[name]
        else:
            value = argument.default_value
        if (
            isinstance(value, tuple)
            and not is_argument(value)
            and any(is_argument(each) for each in value)
            and name == "tensors"
        ):
            yield from ((f"{name}{number}", each) for number, each in enumerate(value))
        else:
            yield name, value


def _slots(node: Node) -> list[str]:
    count = sum(before is not None for before, _ in node.next_functions)
    return ["self"] if count == 1 else [f"input{place}" for place in range(count)]


def _short_name(name: str, seen: Seen | None) -> str:
    if seen is not None:
        return str(seen.function._schema.name.partition("::")[2]).strip("_")
    return name.rstrip("0123456789").removesuffix("Backward") or name
