"""How entries lie in memory: in which order results are laid out, and random numbers are drawn.

PyTorch goes through memory, not through rows: a result of the shape of its operands lies as they do, and random numbers
fill a transposed tensor column by column.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

Array = Any
"""An ndarray, or a NumPy scalar, which lies row by row as well."""


def axes(shape: tuple[int, ...], *operands: Array) -> list[int]:
    """Return the axes of a result from the outermost in memory to the innermost, as PyTorch's `TensorIterator` sorts them.

    Parameters
    ----------
    shape
        The result's, to which the operands are stretched.
    operands
        Where the first does not tell which of two axes is the outer one, the next decides; else they stay in order.

    Examples
    --------
    >>> axes((2, 3), np.zeros((3, 2)).T)
    [1, 0]
    """
    strides = [_stretched(operand, shape) for operand in operands]

    def outer(one: int, other: int) -> int:
        """Return 1 if an axis lies outside another, −1 if inside, 0 if nobody can say."""
        for steps in strides:
            a, b = steps[one], steps[other]
            if a and b and (a != b or shape[one] > shape[other]):
                return 1 if a >= b else -1
        return 0

    inner = list(range(len(shape)))[::-1]  # from the innermost to the outermost
    for start in range(1, len(shape)):
        place = start
        for before in range(start - 1, -1, -1):  # an insertion sort that steps over what cannot be compared
            found = outer(inner[before], inner[place])
            if found < 0:
                break
            if found:
                inner[before], inner[place] = inner[place], inner[before]
                place = before
    return inner[::-1]


def _stretched(operand: Array, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return how far apart in memory the entries of an operand are along each axis of the result; 0 where it is stretched."""
    missing = len(shape) - operand.ndim
    steps = (
        0 if length == 1 != shape[missing + axis] else step
        for axis, (length, step) in enumerate(zip(operand.shape, operand.strides, strict=True))
    )
    return ((0,) * missing) + tuple(steps)


def along(order: list[int], make: Callable[[tuple[int, ...]], Array], shape: tuple[int, ...]) -> Array:
    """Return an array of a shape whose axes lie in memory in an order, given a function that makes one row by row."""
    made = make(tuple(shape[axis] for axis in order))
    return made.transpose(np.argsort(order))


def drawn(target: Array, draw: Callable[[tuple[int, ...]], Array], *others: Array) -> Array:
    """Return random numbers for an array that is to hold them, drawn in the order of its memory.

    Parameters
    ----------
    target
        What they are for.
    draw
        Draws numbers of a shape, row by row.
    others
        What is read beside it, where that may decide on the order.
    """
    if target.flags.c_contiguous and not others:
        return np.asarray(draw(target.shape))
    return along(axes(target.shape, target, *others), lambda shape: np.asarray(draw(shape)), target.shape)


def empty_like(array: Array, kind: np.dtype[Any] | None = None) -> Array:
    """Return an array that lies as another does, as close as there are no gaps and no entries in one place.

    Examples
    --------
    >>> empty_like(np.zeros((3, 4)).T).strides
    (8, 32)
    """
    kind = array.dtype if kind is None else kind
    if array.flags.c_contiguous:
        return np.empty(array.shape, kind)
    return along(axes(array.shape, array), lambda shape: np.empty(shape, kind), array.shape)


# --- how a row's result lies ------------------------------------------------------------------------------------------


def follow(out: Array, *operands: Any) -> Array:
    """Return a result that lies as PyTorch lays what is computed entry by entry: as its operands do.

    NumPy does nearly the same, but goes row by row where operands disagree, and where they are expanded.
    """
    if out.ndim < 2:
        return out
    order = axes(out.shape, *(operand for operand in operands if isinstance(operand, np.ndarray)))
    if out.transpose(order).flags.c_contiguous:
        return out
    laid = along(order, lambda shape: np.empty(shape, out.dtype), out.shape)
    laid[...] = out
    return laid


Forward = Callable[..., Any]


def _each(rule: Callable[..., Array], out: Any, *arguments: Any) -> Any:
    return tuple(rule(array, *arguments) for array in out) if isinstance(out, tuple) else rule(out, *arguments)


def as_operands(forward: Forward) -> Forward:
    """Let what a row computes entry by entry lie as its operands do."""

    @wraps(forward)
    def computed(*arguments: Any) -> Any:
        out = forward(*arguments)
        if [one for one in arguments if isinstance(one, np.ndarray) and not one.flags.c_contiguous]:
            return _each(follow, out, *arguments)
        return out

    return computed


def as_first(forward: Forward) -> Forward:
    """Let what a row computes lie as its first argument does."""

    @wraps(forward)
    def computed(first: Any, *others: Any) -> Any:
        out = forward(first, *others)
        return _each(rows, out) if first.flags.c_contiguous else _each(follow, out, first)

    return computed


def in_rows(forward: Forward) -> Forward:
    """Let what a row computes lie row by row, however its arguments lie."""

    @wraps(forward)
    def computed(*arguments: Any) -> Any:
        return _each(rows, forward(*arguments))

    return computed


def rows(array: Array) -> Array:
    """Return an array whose entries lie row by row: itself, or a copy."""
    return array if array.flags.c_contiguous else np.ascontiguousarray(array)


def in_columns(forward: Forward) -> Forward:
    """Let the matrices that a row makes of matrices lie column by column, as LAPACK has them."""

    @wraps(forward)
    def computed(*matrices: Any) -> Any:
        axes = matrices[0].ndim
        return _each(
            lambda array: columns(array) if array.ndim == axes and array.dtype.kind == "f" else array,
            forward(*matrices),
        )

    return computed


def columns(array: Array) -> Array:
    """Return an array whose matrices lie column by column: itself, or a copy."""
    return rows(array.mT).mT
