"""PyTorch as a source of recordings: see `gradviz.recording.told.Source`.

Of a graph that was watched everything is known. Of one that was not, PyTorch itself still has the structure, what was saved for
the backward pass, and every gradient of a pass that is run to be seen.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import CodeType
from typing import Any

import numpy as np
import torch

from gradviz.engine.operation import TABLE, Operation
from gradviz.engine.scope import Call
from gradviz.pytorch.again import again
from gradviz.pytorch.backward import Ran, trial
from gradviz.pytorch.graph import Behind, Node, behind, is_leaf
from gradviz.pytorch.kept import Kept
from gradviz.pytorch.numbers import alike, array_of, dtype_text, kept_numbers
from gradviz.pytorch.rows import opaque, plain, row_of
from gradviz.pytorch.saved import is_freed, saved_by, values_in
from gradviz.pytorch.watch import Seen, Watch
from gradviz.pytorch.watch import Source as From
from gradviz.recording.told import Identity, Key, Pass, Printed, Replaced
from gradviz.recording.values import dtype_text as array_dtype
from gradviz.recording.values import kept

NOWHERE: tuple[CodeType, int] = (compile("", "?", "exec"), 2**20)
"""The line of what nobody watched."""


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


@dataclass(slots=True, eq=False)
class Told:
    """One of PyTorch's operations: see `gradviz.recording.told.ToldOperation`."""

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

    def saved_names(self) -> list[str]:
        """Return the names of what it saved for the backward pass."""
        return self.operation.saved_names(tuple(edge is not None for edge in self.edges))


class PyTorch:
    """PyTorch, telling of the graph behind some results.

    Parameters
    ----------
    outputs
        The results.
    watch
        What watched them being computed, if anything did.
    """

    operation = Told

    def __init__(self, outputs: Sequence[torch.Tensor], watch: Watch | None = None) -> None:
        self.watch = watch
        self.behind: Behind = behind(outputs)
        self.told: dict[Node, Told] = {}
        self.by_number: dict[int, Told] = {}
        self._ends: dict[int, End] = {}
        self._leaf_numbers: dict[int, Any] = {}
        self._claimed: set[int] = set()
        self._saved = values_in(self.behind) if watch is None else {}
        self._saved |= {(output.grad_fn, output.output_nr): output.detach() for output in outputs}
        for number, node in enumerate(self.behind.nodes):
            self._tell(node, number)

    # --- the graph, told --------------------------------------------------------------------------------------------

    def _tell(self, node: Node, number: int) -> None:
        name = node.name().rpartition("::")[2]
        seen = self._seen(node, name)
        shapes = [tuple(meta.shape) for meta in node._input_metadata]
        dtypes = [dtype_text(meta.dtype) for meta in node._input_metadata]
        arguments = self._from_what_was_saved(node, name) if seen is None else dict(_arguments(seen))
        sizes = {slot: tuple(one[1].shape) for slot, one in arguments.items() if _is_tensor(one)}
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
            given = [self._given(arguments.get(slot)) for slot in slots]
            told.inputs, told.edges = tuple(one for one, _ in given), tuple(edge for _, edge in given)
            if found is not None and found.settings is not None:
                told.settings = tuple([self._setting(one) for one in found.settings])
                told.targets = tuple(
                    (setting, one[0].leaf)
                    for setting, one in zip(row.settings, found.settings, strict=True)
                    if setting in ("target", "targets") and _is_tensor(one) and one[0].leaf is not None
                )
        if seen is not None:
            for place, one in enumerate(_results(seen)):
                if place < len(told.outputs) and one is not None:
                    told.outputs[place] = one
        elif isinstance(told.outputs[0], Unknown) and (values := again(told, self._array_in)) is not None:
            told.outputs[0] = torch.as_tensor(values)

    def _seen(self, node: Node, name: str) -> Seen | None:
        """Return what was watched of a node. What is changed in place may have been copied first, under the same number."""
        if self.watch is None:
            return None
        candidates = [one for one in self.watch.operations.get(node._sequence_nr(), ()) if id(one) not in self._claimed]
        wanted = name.rstrip("0123456789").removesuffix("Backward").lower()
        for one in candidates:
            short = one.function._schema.name.partition("::")[2].replace("_", "").lower()
            if wanted.startswith(short) or short.startswith(wanted) or len(candidates) == 1:
                self._claimed.add(id(one))
                return one
        return None

    def _from_what_was_saved(self, node: Node, name: str) -> dict[str, Any]:
        """Return the arguments of an operation that nobody watched, as far as its edges and what it saved tell them.

        Empty if it cannot be told which edge is which argument's.
        """
        row = TABLE.get(name)
        moving = [] if row is None else [slot for slot in row.inputs if slot in row.derivatives]
        if row is None or len(moving) != len(node.next_functions):
            return {}
        saved = saved_by(node)
        arguments: dict[str, Any] = dict(saved)
        for slot, value in saved.items():
            if isinstance(value, torch.Tensor):
                arguments[slot] = From(value), Kept(value.detach())
        edges = dict(zip(moving, node.next_functions, strict=True))
        for slot in row.inputs:
            before, place = edges.get(slot, (None, 0))
            if before is None:
                if slot not in arguments:
                    nobody = torch.empty(0)  # it was not saved, as nothing reads it
                    arguments[slot] = From(nobody), Kept(nobody)
                    self._leaf_numbers[id(nobody)] = Unknown(tuple(node._input_metadata[0].shape), "float32")
            elif is_leaf(before):
                arguments[slot] = From(before.variable), Kept(before.variable.detach())
            else:
                told = self.told[before]
                arguments[slot] = From(None, before._sequence_nr(), place), told.outputs[place]
        return arguments

    def _array_in(self, tensor: Any) -> Any:
        """Return the array in an argument; ``None`` if it is not known."""
        if tensor is None or isinstance(tensor, bool | int | float):
            return tensor
        if isinstance(tensor, Result):
            told, place = tensor.made
            numbers = self._known(told.outputs[place])
        else:
            numbers = self.numbers_in(tensor, None)
        return array_of(numbers) if isinstance(numbers, torch.Tensor) else None

    def _given(self, argument: Any) -> tuple[Any, Any]:
        """Return what stands in a slot, and where its gradient goes."""
        if not _is_tensor(argument):
            return argument, None
        source, kept = argument
        if source.leaf is None:
            made = self.by_number.get(source.number)
            if made is None:  # of a graph that ends before
                return kept.tensor, None
            key = made, source.place
            self._learn(key, kept)
            return Result(key, kept), key
        leaf = source.leaf
        self._leaf_numbers.setdefault(id(leaf), kept)
        return leaf, (self._end(leaf), 0) if leaf.requires_grad else None

    def _from_edges(self, node: Node) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        inputs: list[Any] = []
        edges: list[Key] = []
        for before, place in node.next_functions:
            if before is None:
                continue
            if is_leaf(before):
                inputs.append(before.variable)
                edges.append((self._end(before.variable), 0))
            else:
                key = self.told[before], place
                inputs.append(Result(key, None))
                edges.append(key)
        return tuple(inputs), tuple(edges)

    def _end(self, leaf: torch.Tensor) -> End:
        return self._ends.setdefault(id(leaf), End(leaf))

    def _learn(self, key: Key, numbers: Any) -> None:
        told, place = key
        if isinstance(told.outputs[place], Unknown):
            told.outputs[place] = numbers

    def _setting(self, value: Any) -> Any:
        if _is_tensor(value):
            tensor = _tensor_in(value[1])
            return None if tensor is None else array_of(tensor)
        if isinstance(value, list | tuple):
            return tuple([self._setting(each) for each in value])
        return plain(value)

    # --- what the learner's variables hold ----------------------------------------------------------------------------

    def is_tensor(self, value: Any) -> bool:
        return isinstance(value, torch.Tensor | Result)

    def is_module(self, value: Any) -> bool:
        return isinstance(value, torch.nn.Module)

    def tags_of(self, module: torch.nn.Module) -> Sequence[tuple[str, int]]:
        tags = {} if self.watch is None else self.watch.calls.tags()
        return [(path, id(tags[id(part)])) for path, part in module.named_modules() if id(part) in tags]

    def parameters_of(self, module: torch.nn.Module) -> Sequence[tuple[str, Any]]:
        return list(module.named_parameters())

    # --- the graph ----------------------------------------------------------------------------------------------------

    def operations_behind(self, outputs: Sequence[torch.Tensor]) -> list[Told]:
        return [self.told[node] for node in self.behind.nodes]

    def past_pass(self, outputs: Sequence[torch.Tensor], operations: Sequence[Told]) -> Pass | None:
        root = outputs[0].grad_fn
        if self.watch is None or root is None:
            return None
        number = root._sequence_nr(), outputs[0].output_nr
        ran = next((ran for ran in reversed(self.watch.passes) if ran.root == number), None)
        return None if ran is None else self._pass(ran)

    def trial_pass(self, outputs: Sequence[torch.Tensor], gradient: torch.Tensor | None) -> Pass:
        return self._pass(trial(outputs, gradient, Kept))

    def _pass(self, ran: Ran) -> Pass:
        nodes = {node._sequence_nr(): node for node in self.behind.nodes}
        order, upstream, contributions = [], {}, {}
        for number in ran.order:
            told, node = self.by_number[number], nodes[number]
            order.append(told)
            arrived = tuple(None if one is None else _tensor_in(one) for one in ran.upstream[number])
            upstream[told] = arrived if told.many else next((one for one in arrived if one is not None), None)
            contributions[told] = self._by_slot(node, told, ran.sent[number])
        leaves = {leaf.variable: leaf for leaf in ran.leaves.values() if leaf.total is not None}
        total = {variable: _tensor_in(leaf.total) for variable, leaf in leaves.items()}
        before = {v: None if leaf.before is None else _tensor_in(leaf.before) for v, leaf in leaves.items()}
        replaced = self._replaced(order, upstream, contributions)
        return Pass(tuple(order), upstream, contributions, before, total, total, replaced)

    def _by_slot(self, node: Node, told: Told, sent: Sequence[Kept | None]) -> list[Any]:
        """Bring what a node sent, one for each argument with a derivative, into the order of its row's slots."""
        left = [
            (self._end(before.variable) if is_leaf(before) else self.told[before], place, one)
            for (before, place), one in zip(node.next_functions, sent, strict=False)
            if before is not None
        ]
        found: list[Any] = []
        for edge in told.edges:
            at = (
                None if edge is None else next((n for n, one in enumerate(left) if one[:2] == (edge[0], edge[1])), None)
            )
            kept = None if at is None else left.pop(at)[2]
            found.append(None if kept is None else _tensor_in(kept))
        return found

    def _replaced(
        self, order: Sequence[Told], upstream: Mapping[Told, Any], contributions: Mapping[Told, Sequence[Any]]
    ) -> dict[Told, Replaced]:
        """Find where hooks of tensors put something in the place of what had arrived: what was sent does not add up to it."""
        sums: dict[Key, Any] = {}
        for told in order:
            for edge, sent in zip(told.edges, contributions[told], strict=True):
                if edge is not None and sent is not None and isinstance(edge[0], Told):
                    sums[edge] = sums[edge] + sent if edge in sums else sent
        found: dict[Told, dict[int, Any]] = {}
        for (told, place), arrived in sums.items():
            made = upstream.get(told)
            made = made[place] if told.many and made is not None else made
            if made is not None and not self.same(arrived, made):
                found.setdefault(told, {})[place] = arrived
        return {told: Replaced(outputs) for told, outputs in found.items()}

    def freed(self, operations: Sequence[Told]) -> bool:
        return any(is_freed(node) for node in self.behind.nodes)

    def is_freed(self, operation: Told) -> bool:
        return False

    def name_of(self, operation: Told) -> str:
        return operation.name

    def targets_of(self, operation: Told) -> Sequence[tuple[str, Any]]:
        return operation.targets

    def part_of(self, operation: Told) -> None:
        return None

    # --- tensors ------------------------------------------------------------------------------------------------------

    def identity(self, tensor: Any) -> Identity:
        if isinstance(tensor, Result):
            return id(tensor.made[0]), tensor.made[1]
        if tensor.grad_fn is None:
            return id(tensor)
        told = self.told.get(tensor.grad_fn)
        return (id(told), tensor.output_nr) if told is not None else (0, 0)

    def made_by(self, tensor: Any) -> Key:
        if isinstance(tensor, Result):
            return tensor.made
        told = None if tensor.grad_fn is None else self.told.get(tensor.grad_fn)
        return (told, tensor.output_nr) if told is not None else (None, 0)

    def requires_grad(self, tensor: Any) -> bool:
        return isinstance(tensor, Result) or tensor.requires_grad

    def base_of(self, tensor: Any) -> Any:
        return None if isinstance(tensor, Result) else tensor._base

    def view_of(self, tensor: Any) -> Any:
        if isinstance(tensor, Result) or tensor._base is None or tensor.requires_grad:
            return None
        return id(tensor._base), tuple(tensor.shape), tensor.stride(), tensor.storage_offset()

    def detached_from(self, tensor: Any) -> Any:
        return None

    def cut_of(self, tensor: Any) -> tuple[str, str, Any] | None:
        return None  # where PyTorch cuts is not watched

    def layout_of(self, tensor: Any) -> Any:
        if isinstance(tensor, Result):
            told, place = tensor.made
            one = told.outputs[place]
            return _layout(tuple(one.shape))
        step = tensor.element_size()
        strides = tuple(step * one for one in tensor.stride()) if tensor.layout is torch.strided else None
        return _layout(tuple(tensor.shape), strides, tensor.storage_offset() * step, step)

    def reference_to(self, tensor: Any) -> Callable[[], Any]:
        return (lambda: None) if isinstance(tensor, Result) else weakref.ref(tensor)

    # --- numbers ------------------------------------------------------------------------------------------------------

    def numbers_in(self, tensor: Any, operation: Told | None, *, done: bool = False) -> Any:
        if isinstance(tensor, Result):
            told, place = tensor.made
            return self._known(told.outputs[place])
        made = self.made_by(tensor)
        if made[0] is not None:
            return self._known(made[0].outputs[made[1]])
        kept = self._leaf_numbers.get(id(tensor))
        return tensor.detach() if kept is None else self._known(kept)

    def _known(self, numbers: Any) -> Any:
        if isinstance(numbers, Kept):
            return numbers.tensor if numbers.tensor is not None else numbers
        return numbers

    def written_number(self, tensor: Any, operation: Told) -> Any:
        found = self.numbers_in(tensor, operation)
        return array_of(found).item() if isinstance(found, torch.Tensor) else None

    def kind_of(self, numbers: Any) -> tuple[tuple[int, ...], str]:
        if isinstance(numbers, torch.Tensor):
            return tuple(numbers.shape), dtype_text(numbers.dtype)
        if isinstance(numbers, Unknown):
            return numbers.shape, numbers.dtype
        if isinstance(numbers, Kept):
            return numbers.shape, numbers.value.dtype  # type: ignore[union-attr]  # it was let go
        return numbers.shape, array_dtype(numbers.dtype)

    def kept(self, numbers: Any, printed: Printed | None = None) -> tuple[Any, Any]:
        if isinstance(numbers, Unknown):
            return None, None
        if isinstance(numbers, torch.Tensor):
            return kept_numbers(numbers, printed)
        if isinstance(numbers, Kept):
            return None, numbers.value
        return kept(numbers, printed)

    def same(self, numbers: Any, others: Any) -> bool:
        return numbers is others or (numbers is not None and others is not None and alike(numbers, others))

    def all_ones(self, numbers: Any) -> bool:
        return bool((numbers == 1).all())


def _is_tensor(argument: Any) -> bool:
    return isinstance(argument, tuple) and len(argument) == 2 and isinstance(argument[0], From)


def _tensor_in(kept: Any) -> Any:
    return kept.tensor if isinstance(kept, Kept) else kept


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
            and not _is_tensor(value)
            and any(_is_tensor(each) for each in value)
            and name == "tensors"
        ):
            yield from ((f"{name}{number}", each) for number, each in enumerate(value))
        else:
            yield name, value


def _results(seen: Seen) -> tuple[Any, ...]:
    return seen.results if isinstance(seen.results, tuple) else (seen.results,)


def _slots(node: Node) -> list[str]:
    count = sum(before is not None for before, _ in node.next_functions)
    return ["self"] if count == 1 else [f"input{place}" for place in range(count)]


def _short_name(name: str, seen: Seen | None) -> str:
    if seen is not None:
        return str(seen.function._schema.name.partition("::")[2]).strip("_")
    return name.rstrip("0123456789").removesuffix("Backward") or name


_GROUND = np.zeros(1, np.uint8)


@dataclass(frozen=True, slots=True)
class _Lying:
    """Says to NumPy where an array lies."""

    __array_interface__: dict[str, Any]


def _layout(
    shape: tuple[int, ...], strides: tuple[int, ...] | None = None, offset: int = 0, step: int = 4
) -> np.ndarray[Any, Any]:
    """Return an array that lies as a tensor does, which may be on another device: its entries must never be read."""
    place = _GROUND.__array_interface__["data"][0] + offset, True
    return np.asarray(_Lying({"shape": shape, "strides": strides, "typestr": f"|V{step}", "data": place, "version": 3}))
