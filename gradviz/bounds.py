"""How much an expression on the command line may take: it is looked at before it is computed.

Nobody means ``9**9**9`` or ``ones(10**12)``; a machine that tries is lost. Every operator and every call of an expression goes
through here, and what would be too large is refused in a sentence.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

import numpy as np

from gradviz.engine.tensor import Tensor
from gradviz.usage import UsageError

MOST_ENTRIES = 10_000_000
"""Larger tensors are refused."""

MOST_BITS = 10_000
"""Larger integers are refused."""

NUMBERS = Tensor | int | float | complex

OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "Add": operator.add,
    "Sub": operator.sub,
    "Mult": operator.mul,
    "Div": operator.truediv,
    "FloorDiv": operator.floordiv,
    "Mod": operator.mod,
    "Pow": operator.pow,
    "MatMult": operator.matmul,
    "LShift": operator.lshift,
    "RShift": operator.rshift,
    "BitAnd": operator.and_,
    "BitOr": operator.or_,
    "BitXor": operator.xor,
    "Lt": operator.lt,
    "LtE": operator.le,
    "Gt": operator.gt,
    "GtE": operator.ge,
    "Eq": operator.eq,
    "NotEq": operator.ne,
}


def bounded(tree: ast.Expression) -> ast.Expression:
    """Let `operate` and `call` compute the operators and calls of an expression.

    It goes through the tree in a loop, for that may be nested deeply. The names ``_operate`` and ``_call`` must mean them where it is evaluated.
    """

    def through(node: Any) -> Any:
        options: list[ast.keyword] = []
        if isinstance(node, ast.BinOp):
            kind = ast.copy_location(ast.Constant(type(node.op).__name__), node)
            name, arguments = "_operate", [kind, node.left, node.right]
        elif isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]).__name__ in OPERATORS:
            kind = ast.copy_location(ast.Constant(type(node.ops[0]).__name__), node)
            name, arguments = "_operate", [kind, node.left, node.comparators[0]]
        elif isinstance(node, ast.Call):
            name, arguments, options = "_call", [node.func, *node.args], node.keywords
        else:
            return node
        function = ast.copy_location(ast.Name(name, ast.Load()), node)
        return ast.copy_location(ast.Call(function, arguments, options), node)

    for node in reversed(list(ast.walk(tree))):  # the inner ones first
        for field, child in ast.iter_fields(node):
            setattr(node, field, [through(each) for each in child] if isinstance(child, list) else through(child))
    return tree


def operate(name: str, left: Any, right: Any) -> Any:
    """Compute one operator, named as Python's syntax trees do, if what comes out is small enough to be meant."""
    if isinstance(left, int) and isinstance(right, int):
        bits = {"Pow": left.bit_length() * right, "LShift": left.bit_length() + right}.get(name, 0)
        if bits > MOST_BITS:
            raise UsageError(f"a whole number in it would have more than {MOST_BITS * 3 // 10:,} digits")
    elif not isinstance(left, NUMBERS) or not isinstance(right, NUMBERS):
        raise UsageError("its operators take numbers and tensors only; a list becomes a tensor with tensor([...])")
    else:
        _check(_together(name, left, right))
    return OPERATORS[name](left, right)


def _together(name: str, *values: Any) -> int:
    """Count the entries of what is computed entry by entry, or by a matrix product, of several tensors."""
    shapes = [value.shape for value in values if isinstance(value, Tensor)]
    try:
        if name in ("MatMult", "matmul", "mm", "bmm") and len(shapes) == 2:
            left, right = shapes
            return math.prod((*np.broadcast_shapes(left[:-2], right[:-2]), *left[-2:-1], *right[-1:]))
        return math.prod(np.broadcast_shapes(*shapes))
    except ValueError:  # the operation itself has better words for it
        return 0


def _pairs(*values: Any, **options: Any) -> int:
    """Count the entries of what has one for each choice of an entry from each tensor."""
    return math.prod(value.numel() for value in values if isinstance(value, Tensor))


def call(function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """Call a function, if what it makes is small enough to be meant."""
    name, around = getattr(function, "__name__", ""), getattr(function, "__self__", None)
    given = (around, *arguments) if isinstance(around, Tensor) else arguments
    with suppress(TypeError):  # wrong arguments: the function itself has better words for it
        _check(ENTRIES[name](*given, **options) if name in ENTRIES else _together(name, *given))
    made = function(*arguments, **options)
    for each in made if isinstance(made, tuple | list) else (made,):
        if isinstance(each, Tensor):
            _check(each.numel())
    return made


def _check(entries: float) -> None:
    if entries > MOST_ENTRIES:
        raise UsageError(f"a tensor in it would have more than {MOST_ENTRIES:,} entries; a script may have larger ones")


def _sizes(*arguments: Any, **options: Any) -> int:
    """Multiply the sizes, which are given as a tuple, or as so many numbers."""
    given = [*arguments, *options.values()]
    whole = next((each for each in given if isinstance(each, tuple | list)), given)
    return math.prod(each for each in whole if type(each) is int)


def _times(input: Tensor, *arguments: Any, **options: Any) -> int:
    """Multiply as many entries as there are with the sizes."""
    return input.numel() * _sizes(*arguments, **options)


def _span(start: float, end: float | None = None, step: float = 1, **options: Any) -> float:
    return (start if end is None else end - start) / step if step else 0


def _named(names: str, entries: Callable[..., float]) -> Iterable[tuple[str, Callable[..., float]]]:
    return ((name, entries) for name in names.split())


ENTRIES: dict[str, Callable[..., float]] = dict(
    [
        *_named("ones zeros empty full rand randn randint normal expand broadcast_to", _sizes),
        *_named("new_ones new_zeros new_empty new_full", _sizes),
        *_named("repeat tile repeat_interleave one_hot", _times),
        *_named("outer ger kron meshgrid cartesian_prod", _pairs),
        *_named("linspace logspace", lambda start, end, steps, **options: steps),
        ("arange", _span),
        ("randperm", lambda n, **options: n),
        ("eye", lambda n, m=None, **options: n * (n if m is None else m)),
    ]
)
"""How many entries a function makes of its arguments, for those that make many of few."""
