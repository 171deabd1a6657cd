"""The table of operations: one row each, and everything else follows from the row.

A row says how to compute the operation, how to differentiate it, and what a learner should see. From it come the
function (``torch.mul``) and the tensor's method, the ``grad_fn`` class with its name, what is saved for backward and
shown as ``_saved_*``, the gradient check in the tests, the label in a picture and the sentence in the player.

A derivative is one formula per argument, in which `grad` is the upstream gradient and every other parameter names an
argument, a setting, or the ``result``; or the size of one of them, ``self_sym_sizes``. The arguments and results that a
formula names are what has to be saved for it, so nothing needs to be listed twice: they are watched for changes in place,
and dropped after a backward pass. Settings and sizes are no such values. A formula uses only operators and NumPy functions: it runs on arrays (fast), or on tensors, where it is
recorded in its turn. It need not undo broadcasting, nor copy a gradient along a reduced axis; the engine does both.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache, wraps
from types import FrameType
from typing import Any

import numpy as np

from gradviz.engine import advice, dtypes, layout, mixed
from gradviz.engine.modes import mode
from gradviz.engine.node import Node
from gradviz.engine.scope import PACKAGE
from gradviz.engine.tensor import Tensor, counter_of, edge_of, leaf_edge, wrap

TABLE: dict[str, Operation] = {}
"""Every operation, by the name of its ``grad_fn``: two operations may share a name (``max`` of all, ``max`` of a row),
but not a derivative."""

BESIDE: dict[str, Operation] = {}
"""Operations, by their own name, that share the name of their ``grad_fn`` with a row of the table."""

FAMILIES: dict[str, Callable[..., Any]] = {}
"""Where there is a row for each number of arguments or results: what makes it when it is first needed."""

INFERENCE = (
    "Inference tensors cannot be saved for backward. Please do not use Tensors created in inference mode in computation "
    "tracked by autograd. To work around this, you can make a clone to get a normal tensor and use it in autograd, or use "
    "`torch.no_grad()` instead of `torch.inference_mode()`."
)

FAMILY: dict[str, str] = {}
"""In which module each row stands."""

SIZES = "_sym_sizes"
"""What a formula appends to a name to read no more than its size."""

Rule = Callable[[Any, tuple[Any, ...]], Any]

NUMBERS = (bool, int, float, np.generic, np.ndarray)
"""What may stand beside a tensor in arithmetic."""

_OURS: dict[str, bool] = {}
"""Whether a source file is part of this package, for the files met so far."""


@dataclass(frozen=True, eq=False)
class Operation:
    """One row of the table.

    Attributes
    ----------
    name
        PyTorch's name for the function: ``"mul"``.
    grad_fn
        The name of its node: ``"MulBackward0"``.
    symbol
        What its disc in a picture shows: ``"×"``; or a function of the settings that returns it.
    forward
        The computation on arrays.
    inputs
        The arguments that may be tensors.
    derivatives
        A formula for each argument that has one.
    settings
        The other arguments, in order.
    tensors
        Those settings that are tensors, without a derivative: an index, a mask, a target.
    expression
        The operation as one would write it, in Python's notation over the arguments' names: ``"self * other"``.
    local
        The local derivative for each argument in the same notation. What the upstream gradient is multiplied with;
        or, where it is not a plain product, the whole contribution, with the upstream gradient called ``grad``.
    sentence
        How it passes the gradient on, for someone who sees it for the first time.
    reduction
        True when it reduces axes given by a setting ``dim``. Its formulas see the upstream gradient and the result
        with the reduced axes kept at length 1.
    outputs
        What it computes. Gradients flow back from the first only, unless `many` is set.
    many
        True when gradients flow back from all outputs; its formulas then take them as a tuple.
    together
        True when PyTorch computes its derivatives in one function, and saves all that is read for any of them.
    sparing
        True when PyTorch saves no more than what the formulas that will run read, be it one or several that read it.
    function
        What runs it on tensors and records it: takes the `inputs`, then the `settings`.
    member
        Of a family: its name, and which of its operations this is.
    """

    name: str
    grad_fn: str
    symbol: str | Callable[..., str]
    forward: Callable[..., Any]
    inputs: tuple[str, ...]
    derivatives: Mapping[str, Callable[..., Any]]
    settings: tuple[str, ...] = ()
    tensors: tuple[str, ...] = ()
    expression: str = ""
    local: Mapping[str, str] = field(default_factory=dict)
    sentence: str = ""
    reduction: bool = False
    outputs: tuple[str, ...] = ("result",)
    many: bool = False
    together: bool = False
    sparing: bool = False
    function: Callable[..., Any] = field(init=False, repr=False)
    member: tuple[str, tuple[Any, ...]] | None = field(init=False, repr=False, default=None)

    @cached_property
    def fields(self) -> dict[str, int]:
        """Where each name stands in a node's `values`: arguments, then the outputs, then the settings."""
        return {name: place for place, name in enumerate((*self.inputs, *self.outputs, *self.settings))}

    @cached_property
    def rules(self) -> tuple[Rule, ...]:
        """For each argument, its formula as a function of the upstream gradient and a node's `values`."""
        formulas = (self.derivatives.get(name, _none) for name in self.inputs)
        return tuple(self._rule(formula) for formula in formulas)

    def _rule(self, formula: Callable[..., Any]) -> Rule:
        names = parameters(formula)[1:]
        if all(name in self.fields for name in names):
            return _reading(formula, *(self.fields[name] for name in names))
        sizes = [name not in self.fields for name in names]
        places = [self.fields[name.removesuffix(SIZES)] for name in names]
        return _reading_sizes(formula, list(zip(places, sizes, strict=True)))

    @cached_property
    def differentiable(self) -> tuple[bool, ...]:
        """For each argument, whether it has a derivative."""
        return tuple(name in self.derivatives for name in self.inputs)

    @cached_property
    def readers(self) -> dict[str, list[str]]:
        """For each argument and result that is read, the arguments whose formulas read it."""
        found: dict[str, list[str]] = {}
        for argument, formula in self.derivatives.items():
            for name in parameters(formula)[1:]:
                if name in self.inputs or name in self.outputs or name in self.tensors:
                    found.setdefault(name, []).append(argument)
        return found

    def saved_names(self, wanted: tuple[bool, ...]) -> list[str]:
        """Return the names of what is saved: as in PyTorch all that is read, but for what one unwanted formula alone reads."""
        known = self._saved.get(wanted)
        if known is None:
            needed = {argument for argument, flows in zip(self.inputs, wanted, strict=True) if flows}
            spared = {
                name
                for name, by in self.readers.items()
                if needed.isdisjoint(by)
                and (len(by) == 1 or self.sparing)
                and name not in self.outputs
                and not self.together
            }
            known = self._saved[wanted] = sorted(set(self.readers) - spared)
        return known

    @cached_property
    def saves(self) -> bool | None:
        """True if anything is saved whatever is wanted, False if nothing is, ``None`` if it depends."""
        if not self.readers:
            return False
        read = [any(argument in by for by in self.readers.values()) for argument in self.derivatives]
        return True if all(read) or self.saved_names((False,) * len(self.inputs)) else None

    @cached_property
    def _saved(self) -> dict[tuple[bool, ...], list[str]]:
        return {}

    @cached_property
    def node_type(self) -> type[Node]:
        """The class of its nodes."""
        base = ReductionNode if self.reduction else Node
        members = {"operation": self, "many": self.many, "__module__": __name__}
        return type(self.grad_fn, (base,), members)


def _reading(formula: Callable[..., Any], *places: int) -> Rule:
    """Let a formula pick what it reads from a node's values. This runs for every edge of every backward pass."""
    match places:
        case ():
            return lambda grad, values: formula(grad)
        case (first,):
            return lambda grad, values: formula(grad, values[first])
        case (first, second):
            return lambda grad, values: formula(grad, values[first], values[second])
    return lambda grad, values: formula(grad, *[values[place] for place in places])


def _reading_sizes(formula: Callable[..., Any], reads: list[tuple[int, bool]]) -> Rule:
    """Do the same for a formula that reads the sizes of some."""
    return lambda grad, values: formula(grad, *[np.shape(values[at]) if size else values[at] for at, size in reads])


def _none(grad: Any) -> Any:
    raise AssertionError("an argument without a derivative has no edge")


def parameters(formula: Callable[..., Any]) -> tuple[str, ...]:
    """Return the names of a formula's parameters (`inspect.signature` would do, at fifty times the cost)."""
    code = getattr(formula, "__wrapped__", formula).__code__
    return code.co_varnames[: code.co_argcount]


class ReductionNode(Node):
    """A node whose operation removed axes: its formulas see them kept at length 1."""

    def contributions(self, upstream: Any) -> list[Any]:
        """Put the reduced axes back, then multiply as every node does."""
        if self.values is not None:
            upstream = upstream.reshape(np.shape(self.values[self.operation.fields["result"]]))
        return super().contributions(upstream)

    def differentiable_contributions(self, upstream: Tensor) -> list[Tensor | None]:
        """Do the same on tensors."""
        if self.values is not None:
            upstream = upstream.reshape(np.shape(self.values[self.operation.fields["result"]]))
        return super().differentiable_contributions(upstream)

    def tensors(self) -> tuple[Any, ...]:
        """The result as a tensor has lost its axes; put them back here too."""
        values = list(super().tensors())
        assert self.values is not None
        place = self.operation.fields["result"]
        flat = wrap(self.values[place].reshape(self.output_shape), grad_fn=self)
        values[place] = flat.reshape(np.shape(self.values[place]))
        return tuple(values)


# --- running an operation --------------------------------------------------------------------------------------------


def caller() -> tuple[Any, int]:
    """Return the code object and instruction that called into this package: the line a student wrote."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        code = frame.f_code
        ours = _OURS.get(code.co_filename)
        if ours is None:
            ours = _OURS[code.co_filename] = code.co_filename.startswith(PACKAGE)
        if not ours:
            return code, frame.f_lasti
        frame = frame.f_back
    return sys._getframe(0).f_code, 0  # called from no line of Python at all


def record(operation: Operation, inputs: tuple[Any, ...], values: tuple[Any, ...], output: Any) -> Tensor:
    """Wrap an output as a tensor and, when a gradient may flow, note how it was made.

    Parameters
    ----------
    operation
        The row.
    inputs
        The arguments as given.
    values
        What the formulas may read, in the order of `Operation.fields`.
    output
        The array that becomes the new tensor.
    """
    if not mode.enabled:
        return wrap(output)
    edges: list[tuple[Any, int] | None] = []
    flows = False
    for place, argument in enumerate(inputs):
        edge = None
        if isinstance(argument, Tensor) and argument._requires_grad and operation.differentiable[place]:
            edge = edge_of(argument)
            flows = True
        edges.append(edge)
    if not flows or output.dtype.kind != "f":
        return wrap(output)
    if any(isinstance(argument, Tensor) and argument._inference for argument in inputs):
        refuse_inference(operation, inputs, edges)
    return wrap(output, operation.node_type(inputs, tuple(edges), values, output.shape, caller()))


def refuse_inference(operation: Operation, inputs: tuple[Any, ...], edges: Sequence[Any]) -> None:
    """Say that a tensor made in inference mode would have to be saved, if so."""
    saved = operation.saved_names(tuple(edge is not None for edge in edges))
    for name, argument in zip(operation.inputs, inputs, strict=False):
        if name in saved and isinstance(argument, Tensor) and argument._inference:
            raise RuntimeError(INFERENCE)


def watching(out: Tensor, **settings: Any) -> Tensor:
    """Let a result's node know the tensors that some of its settings were made from: it has saved them.

    Parameters
    ----------
    out
        What a row's function returned.
    settings
        By the name of the setting, what was given: a tensor or several; anything else cannot change in place.
    """
    if out._grad_fn is not None:
        out._grad_fn.given = tuple(
            (name, tensor)
            for name, given in settings.items()
            for tensor in (given if isinstance(given, tuple | list) else (given,))
            if isinstance(tensor, Tensor)
        )
    return out


def array_of(argument: Any) -> Any:
    """Return the array in a tensor; a Python number as it is; anything array-like as an array."""
    kind = type(argument)
    if kind is float or kind is int or kind is bool:
        return argument
    if isinstance(argument, Tensor):
        return argument.array
    if isinstance(argument, np.generic):
        # np.float64 would win over float32 in NumPy; in PyTorch a number never decides the precision.
        return argument.item()
    return argument


def promoted(*operands: Any) -> tuple[Any, ...]:
    """Bring operands to the dtype PyTorch computes in."""
    kind = dtypes.result_type(*operands)
    return tuple(
        x.astype(kind, copy=False) if isinstance(x, np.ndarray | np.generic) else kind.type(x) for x in operands
    )


def promoting(count: int, compute: Callable[..., Any]) -> Callable[..., Any]:
    """Let a computation take its first arguments, `count` arrays, numbers or ``None``, in different dtypes.

    It is the computation that brings them to one: their gradients are of the dtype that each was given in, and there is no
    step for that in the graph.
    """

    @wraps(compute)
    def computed(*arguments: Any) -> Any:
        given = [x for x in arguments[:count] if x is not None]
        if any(not isinstance(x, np.ndarray | np.generic) or x.dtype != given[0].dtype for x in given):
            check_broadcast(*given)
            brought = iter(promoted(*given))
            arguments = (*(None if x is None else next(brought) for x in arguments[:count]), *arguments[count:])
        return compute(*arguments)

    return computed


def is_bool(operand: Any) -> bool:
    """Return True for True, False, and arrays of them."""
    return isinstance(operand, bool) or (isinstance(operand, np.ndarray | np.generic) and operand.dtype.kind == "b")


def broadcast_error(x: Any, y: Any) -> RuntimeError:
    """Say which sizes do not match, in PyTorch's words."""
    a, b = np.shape(x), np.shape(y)
    longest = max(len(a), len(b))
    padded_a, padded_b = (1,) * (longest - len(a)) + a, (1,) * (longest - len(b)) + b
    for axis in range(longest - 1, -1, -1):
        m, n = padded_a[axis], padded_b[axis]
        if m != n and 1 not in (m, n):
            words = (
                f"The size of tensor a ({m}) must match the size of tensor b ({n}) at non-singleton dimension {axis}"
            )
            return RuntimeError(advice.do_not_broadcast(words, x, y))
    raise AssertionError(f"shapes {a} and {b} do broadcast")


def check_broadcast(*arrays: Any) -> None:
    """Say which two of several arrays, if any, have shapes that do not go together."""
    for x, y in itertools.combinations(arrays, 2):
        if any(m != n and 1 not in (m, n) for m, n in zip(np.shape(x)[::-1], np.shape(y)[::-1], strict=False)):
            raise broadcast_error(x, y)


# --- rows ------------------------------------------------------------------------------------------------------------


def row(operation: Operation) -> Operation:
    """Enter an operation into the table."""
    if operation.grad_fn in TABLE:
        raise ValueError(f"two rows are called {operation.grad_fn}")
    unknown = set(operation.derivatives) - set(operation.inputs)
    if unknown:
        raise ValueError(f"{operation.name} has no argument {sorted(unknown)} to differentiate")
    TABLE[operation.grad_fn] = operation
    FAMILY[operation.grad_fn] = _module_of_the_row()
    return operation


def _module_of_the_row() -> str:
    frame = sys._getframe(1)
    while frame.f_globals["__name__"] == __name__ and frame.f_back is not None:
        frame = frame.f_back
    return str(frame.f_globals["__name__"])


def unary(
    name: str,
    grad_fn: str,
    symbol: str,
    forward: Callable[..., Any],
    derivative: Callable[..., Any],
    *,
    expression: str,
    local: str,
    sentence: str,
    to_float: bool = False,
) -> Callable[[Tensor], Tensor]:
    """Add a row for an elementwise operation of one argument, and return its function.

    `to_float` is for those, like ``exp``, that turn integers into floating point.
    """
    operation = row(
        Operation(
            name,
            grad_fn,
            symbol,
            forward,
            ("self",),
            {"self": derivative},
            expression=expression,
            local={"self": local},
            sentence=sentence,
        )
    )
    node_type = operation.node_type

    def function(input: Tensor) -> Tensor:
        x = input.array
        if to_float and x.dtype.kind != "f":
            x = x.astype(dtypes.get_default_dtype().numpy)
        out = forward(x)
        if out.ndim > 1 and not x.flags.c_contiguous:
            out = layout.follow(out, x)
        if not (input._requires_grad and mode.enabled):
            return wrap(out)
        node = input._grad_fn
        edge = leaf_edge(input) if node is None else (node, input._output_nr)
        return wrap(out, node_type((input,), (edge,), (x, out), out.shape, caller()))

    return _named(function, operation)


def binary(
    name: str,
    grad_fn: str,
    symbol: str,
    forward: Callable[..., Any],
    derivatives: Mapping[str, Callable[..., Any]],
    *,
    expression: str,
    local: Mapping[str, str],
    sentence: str,
    to_float: bool = False,
    no_bools: Callable[[bool], str] | None = None,
) -> Callable[[Any, Any], Tensor]:
    """Add a row for an elementwise operation of two arguments, with broadcasting and PyTorch's type promotion.

    `no_bools` says why there is none on bools; it is told whether both are.
    """
    operation = row(
        Operation(
            name,
            grad_fn,
            symbol,
            forward,
            ("self", "other"),
            derivatives,
            expression=expression,
            local=local,
            sentence=sentence,
        )
    )
    node_type = operation.node_type

    def function(input: Any, other: Any) -> Tensor:
        left, right = isinstance(input, Tensor), isinstance(other, Tensor)
        x = input.array if left else array_of(input)
        y = other.array if right else array_of(other)
        # Two float arrays of one dtype, or one and a Python number, need no promotion: nearly every call.
        if right:
            same = left and x.dtype is y.dtype and x.dtype.kind == "f"
        else:
            same = (type(y) is float or type(y) is int) and x.dtype.kind == "f"
        if not same:
            if not isinstance(y, NUMBERS):
                return mixed.declined(y)  # as Python's operators want it: the other side may know what to do
            if no_bools is not None and (bools := [is_bool(x), is_bool(y)]) and any(bools):
                raise RuntimeError(no_bools(all(bools)))
            x, y = promoted(x, y)
            if to_float and x.dtype.kind != "f":
                kind = dtypes.get_default_dtype().numpy
                x, y = x.astype(kind), y.astype(kind)
        try:
            out = forward(x, y)
        except ValueError:
            raise broadcast_error(x, y) from None
        if out.ndim > 1 and not (x if left and x.ndim == out.ndim else y).flags.c_contiguous:
            out = layout.follow(out, x, y)
        edge = other_edge = None
        if mode.enabled:
            if left and input._requires_grad:
                node = input._grad_fn
                edge = leaf_edge(input) if node is None else (node, input._output_nr)
            if right and other._requires_grad:
                node = other._grad_fn
                other_edge = leaf_edge(other) if node is None else (node, other._output_nr)
        if edge is None:
            if other_edge is None and not (
                mode.enabled and ((left and input._requires_grad) or (right and other._requires_grad))
            ):
                return wrap(out)
            if left and input._inference:
                refuse_inference(operation, (input, other), (edge, other_edge))
        elif other_edge is None and right and other._inference:
            refuse_inference(operation, (input, other), (edge, other_edge))
        return wrap(out, node_type((input, other), (edge, other_edge), (x, y, out), out.shape, caller()))

    return _named(function, operation)


def reduction(
    name: str,
    grad_fn: str,
    symbol: str,
    forward: Callable[..., Any],
    derivative: Callable[..., Any],
    *,
    expression: str,
    local: str,
    sentence: str,
    settings: tuple[str, ...] = (),
) -> Callable[..., Tensor]:
    """Add a row for an operation that reduces axes.

    `forward` takes an array, a tuple of axes and any further `settings`, and keeps the axes at length 1. The function
    returned takes ``(self, dim, keepdim, *settings)``.
    """
    operation = row(
        Operation(
            name,
            grad_fn,
            symbol,
            forward,
            ("self",),
            {"self": derivative},
            ("dim", "keepdim", *settings),
            expression=expression,
            local={"self": local},
            sentence=sentence,
            reduction=True,
        )
    )

    def function(input: Tensor, dim: Any = None, keepdim: bool = False, *more: Any) -> Tensor:
        x = input.array
        axes = tuple(range(x.ndim)) if dim is None else normal_axes(dim, x.ndim)
        kept = layout.rows(forward(x, axes, *more))
        if keepdim:
            out = kept
        elif len(axes) == x.ndim:
            out = kept.reshape(())[()]  # a NumPy scalar computes ten times as fast as an array without dimensions
        else:
            out = kept.reshape([size for axis, size in enumerate(kept.shape) if axis not in axes])
        return record(operation, (input,), (x, kept, dim, keepdim, *more), out)

    return _named(function, operation)


def general(name: str, grad_fn: str, *args: Any, **words: Any) -> Callable[..., Any]:
    """Add a row for any other operation of fixed arguments and one result; see `unlisted` for the parameters."""
    function = unlisted(name, grad_fn, *args, **words)
    row(function.operation)  # type: ignore[attr-defined]
    return function


def beside(name: str, grad_fn: str, *args: Any, **words: Any) -> Callable[..., Any]:
    """Make an operation that stands beside the table; see `unlisted` for the parameters."""
    if name in BESIDE:
        raise ValueError(f"two operations are called {name}")
    function = unlisted(name, grad_fn, *args, **words)
    BESIDE[name] = function.operation  # type: ignore[attr-defined]
    return function


def family(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Say that a function makes operations, one for each of its arguments' values; each is made once."""

    def of(make: Callable[..., Any]) -> Callable[..., Any]:
        @lru_cache(maxsize=64)
        def made(*which: Any) -> Any:
            function = make(*which)
            object.__setattr__(function.operation, "member", (name, which))
            return function

        FAMILIES[name] = made
        return made

    return of


def unlisted(
    name: str,
    grad_fn: str,
    symbol: str | Callable[..., str],
    forward: Callable[..., Any],
    inputs: str,
    derivatives: Mapping[str, Callable[..., Any]],
    *,
    expression: str,
    local: Mapping[str, str],
    sentence: str,
    settings: str = "",
    tensors: str = "",
    outputs: str = "result",
    many: bool = False,
    together: bool = False,
    sparing: bool = False,
) -> Callable[..., Any]:
    """Make an operation and its function without entering it into the table.

    `forward` takes the `inputs` as arrays and then the `settings`; both are given as names with spaces between. With
    several `outputs` it returns a tuple, and so does the function. The settings in `tensors` are given as arrays too;
    `watching` notes the tensors that they come from.
    """
    operation = Operation(
        name,
        grad_fn,
        symbol,
        forward,
        tuple(inputs.split()),
        derivatives,
        tuple(settings.split()),
        tuple(tensors.split()),
        expression=expression,
        local=local,
        sentence=sentence,
        outputs=tuple(outputs.split()),
        many=many,
        together=together,
        sparing=sparing,
    )
    count = len(operation.inputs)
    node_type = operation.node_type

    def of_one(self: Any, *others: Any) -> Tensor:
        """The usual case, and the fastest: one tensor, one result."""
        x = self.array if isinstance(self, Tensor) else array_of(self)
        out = forward(x, *others)
        if not (mode.enabled and isinstance(self, Tensor) and self._requires_grad) or out.dtype.kind != "f":
            return wrap(out)
        node = self._grad_fn
        edge = leaf_edge(self) if node is None else (node, self._output_nr)
        return wrap(out, node_type((self,), (edge,), (x, out, *others), out.shape, caller()))

    def of_several(*arguments: Any) -> Any:
        tensors, others = arguments[:count], arguments[count:]
        arrays = [argument.array if isinstance(argument, Tensor) else array_of(argument) for argument in tensors]
        out = forward(*arrays, *others)
        if outputs == "result":
            return record(operation, tensors, (*arrays, out, *others), out)
        first = record(operation, tensors, (*arrays, *out, *others), out[0])
        node = first._grad_fn
        rest = tuple(wrap(array, node if many else None, place) for place, array in enumerate(out[1:], start=1))
        if node is not None and not many:  # those that have no gradient do not know the node, which may have saved them
            for place, tensor in enumerate(rest, start=1):
                node.counts(place, counter_of(tensor))
        return first, *rest

    return _named(of_one if count == 1 and outputs == "result" and derivatives else of_several, operation)


def _named(function: Callable[..., Tensor], operation: Operation) -> Callable[..., Tensor]:
    function.__name__ = function.__qualname__ = operation.name
    function.__module__ = _module_of_the_row()  # a pickle looks for it there, under its name
    function.__doc__ = operation.sentence
    function.operation = operation  # type: ignore[attr-defined]
    object.__setattr__(operation, "function", function)
    return function


def normal_axes(dim: Any, ndim: int) -> tuple[int, ...]:
    """Turn PyTorch's `dim` (a number, several, or ``None`` for all) into a tuple of axes counted from the front."""
    if dim is None or (isinstance(dim, tuple | list) and not len(dim)):
        return tuple(range(ndim))
    if ndim == 0:
        for axis in dim if isinstance(dim, tuple | list) else (dim,):
            normal_axis(axis, 0)
        return ()  # a number has one axis to speak of, and nothing to reduce along it
    axes = tuple(normal_axis(axis, ndim) for axis in (dim if isinstance(dim, tuple | list) else (dim,)))
    if len(set(axes)) != len(axes):
        twice = next(axis for place, axis in enumerate(axes) if axis in axes[:place])
        raise RuntimeError(f"dim {twice} appears multiple times in the list of dims")
    return axes


def normal_axis(axis: int, ndim: int) -> int:
    """Count an axis from the front, or say which are possible."""
    limit = max(ndim, 1)
    if not -limit <= axis < limit:
        raise IndexError(f"Dimension out of range (expected to be in range of [{-limit}, {limit - 1}], but got {axis})")
    return axis % limit
