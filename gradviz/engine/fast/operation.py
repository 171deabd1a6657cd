"""Running an operation, fast: what `gradviz.engine.core.operation` does, without its calls."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType, FunctionType
from typing import TYPE_CHECKING, Any
from weakref import ref

import numpy as np

from gradviz.engine.core import operation as core
from gradviz.engine.core.clock import next_number
from gradviz.engine.core.operation import Rule, parameters
from gradviz.engine.core.tensor import Edge, mode, wrap
from gradviz.engine.cut import passed_on
from gradviz.engine.layout import follow
from gradviz.engine.node import AccumulateGrad, caller
from gradviz.engine.scope import OURS, PACKAGE, running
from gradviz.engine.tensor import Tensor

if TYPE_CHECKING:
    from gradviz.engine.operation import Operation

Function = Callable[..., Any]

FLOAT = np.dtype(np.float32)
"""What nearly all are: to see that an array is of it takes a fifth of asking for its kind."""

_new: Any = object.__new__
_frame: Callable[[int], FrameType] = sys._getframe


def maker(operation: Operation) -> Callable[[tuple[Any, ...], tuple[Edge | None, ...], Any, Any], Tensor]:
    """Return what makes a node of a row and its result: `Node`, `caller` and `wrap` in one go.

    Each row has one whose code is its own: the interpreter fits code to the classes that it meets, as long as it is one.
    """
    node_type: Any = operation.node_type

    def result(inputs: tuple[Any, ...], edges: tuple[Edge | None, ...], values: Any, array: Any) -> Tensor:
        node = _new(node_type)
        node.inputs = inputs
        node.edges = edges
        node.values = values
        node.output_shape = array.shape
        node.made = next_number()
        node.call = running.call
        frame: FrameType | None = _frame(2)
        while frame is not None:
            code = frame.f_code
            ours = OURS.get(code.co_filename)
            if ours is None:
                ours = OURS[code.co_filename] = code.co_filename.startswith(PACKAGE)
            if not ours:
                node.origin = code, frame.f_lasti
                break
            frame = frame.f_back
        else:
            node.origin = caller()
        out: Tensor = _new(Tensor)
        out.array = array
        out._grad_fn = node
        out._requires_grad = True
        return out

    return FunctionType(result.__code__.replace(), globals(), "result", None, result.__closure__)


def end_of(leaf: Tensor) -> Edge | None:
    """Return where a gradient of a leaf goes that wants one; ``None`` for those with a story, which the core knows."""
    if leaf._barred is not None or leaf._base is not None or leaf._stale is not None:
        return None
    known = leaf._accumulate
    end = None if known is None else known()
    if end is None:
        end = AccumulateGrad(leaf)
        leaf._accumulate = ref(end)
    return end, 0


def record(operation: Operation, inputs: tuple[Any, ...], values: tuple[Any, ...], output: Any) -> Any:
    """Wrap an output as a tensor and, when a gradient may flow, leave the node that made it."""
    if not mode.enabled or (output.dtype is not FLOAT and output.dtype.kind != "f"):
        return wrap(output)
    edges: list[Edge | None] = []
    flows = odd = False
    differentiable = operation.differentiable
    for place, argument in enumerate(inputs):
        edge = None
        if isinstance(argument, Tensor):
            if argument._requires_grad and differentiable[place]:
                node = argument._grad_fn
                edge = end_of(argument) if node is None else (node, argument._output_nr)
                flows = True
                odd = odd or edge is None
            elif argument._barred is not None:
                odd = True
        edges.append(edge)
    if not flows:
        return passed_on(wrap(output), inputs)
    if odd:
        return core.record(operation, inputs, values, output)
    return operation.result(inputs, tuple(edges), values, output)


def apply(operation: Operation, inputs: tuple[Any, ...], settings: tuple[Any, ...] = ()) -> Any:
    """Run a row on tensors and numbers."""
    arrays = [argument.array if isinstance(argument, Tensor) else argument for argument in inputs]
    out = operation.forward(*arrays, *settings)
    if operation.outputs == ("result",):
        return record(operation, inputs, (*arrays, out, *settings), out)
    first = record(operation, inputs, (*arrays, *out, *settings), out[0])
    node = first._grad_fn if operation.many else None
    return first, *[wrap(array, node, place) for place, array in enumerate(out[1:], start=1)]


def unary(operation: Operation, reference: Function) -> Function:
    """Make the function of a row with one argument: quick where that is a floating-point tensor."""
    forward = operation.forward

    def function(input: Tensor) -> Any:
        x = input.array
        if x.dtype is not FLOAT and x.dtype.kind != "f":
            return reference(input)
        out = forward(x)
        if out.ndim > 1 and not x.flags.c_contiguous:
            out = follow(out, x)
        if not (input._requires_grad and mode.enabled):
            return wrap(out) if input._cut is None else passed_on(wrap(out), (input,))
        node = input._grad_fn
        edge = end_of(input) if node is None else (node, input._output_nr)
        if edge is None:
            return core.record(operation, (input,), (x, out), out)
        return operation.result((input,), (edge,), (x, out), out)

    return function


def binary(operation: Operation, reference: Function) -> Function:
    """Make the function of a row with two arguments: quick where no promotion is needed, which is nearly every call.

    That is for two floating-point tensors of one dtype, or one and a Python number.
    """
    forward = operation.forward

    def function(input: Any, other: Any) -> Any:
        if not isinstance(input, Tensor):
            return reference(input, other)
        x = input.array
        kind = x.dtype
        if kind is not FLOAT and kind.kind != "f":
            return reference(input, other)
        right = isinstance(other, Tensor)
        if right:
            y = other.array
            if y.dtype is not kind:
                return reference(input, other)
        elif type(other) is float or type(other) is int:
            y = other
        else:
            return reference(input, other)
        try:
            out = forward(x, y)
        except ValueError:
            return reference(input, other)  # which says why
        if out.ndim > 1 and not (x if x.ndim == out.ndim else y).flags.c_contiguous:
            out = follow(out, x, y)
        if not mode.enabled:
            return wrap(out)
        edge = other_edge = None
        if input._requires_grad:
            node = input._grad_fn
            edge = end_of(input) if node is None else (node, input._output_nr)
        if right and other._requires_grad:
            node = other._grad_fn
            other_edge = end_of(other) if node is None else (node, other._output_nr)
        if edge is None or (other_edge is None and right):
            return record(operation, (input, other), (x, y, out), out)
        return operation.result((input, other), (edge, other_edge), (x, y, out), out)

    return function


def of_one(operation: Operation, reference: Function) -> Function:
    """Make the function of a row with one argument and settings, and one result."""
    forward = operation.forward

    def function(self: Any, *others: Any) -> Any:
        if not isinstance(self, Tensor):
            return reference(self, *others)
        x = self.array
        out = forward(x, *others)
        if not (self._requires_grad and mode.enabled) or (out.dtype is not FLOAT and out.dtype.kind != "f"):
            return wrap(out) if self._cut is None else passed_on(wrap(out), (self,))
        node = self._grad_fn
        edge = end_of(self) if node is None else (node, self._output_nr)
        if edge is None:
            return core.record(operation, (self,), (x, out, *others), out)
        return operation.result((self,), (edge,), (x, out, *others), out)

    return function


def of_several(operation: Operation, reference: Function) -> Function:
    """Make the function of a row with several arguments and one result: quick where all are tensors."""
    forward, count = operation.forward, len(operation.inputs)

    def function(*arguments: Any) -> Any:
        inputs, others = arguments[:count], arguments[count:]
        for one in inputs:
            if not isinstance(one, Tensor):
                return reference(*arguments)
        arrays = [one.array for one in inputs]
        out = forward(*arrays, *others)
        return record(operation, inputs, (*arrays, out, *others), out)

    return function


def rule(operation: Operation, formula: Function) -> Rule:
    """Let a formula pick what it reads from a node's values."""
    names = parameters(formula)[1:]
    if not operation.fields.keys() >= set(names):
        return core.Operation.rule(operation, formula)
    places = [operation.fields[name] for name in names]
    match places:
        case []:
            return lambda grad, values: formula(grad)
        case [first]:
            return lambda grad, values: formula(grad, values[first])
        case [first, second]:
            return lambda grad, values: formula(grad, values[first], values[second])
    return lambda grad, values: formula(grad, *[values[place] for place in places])
