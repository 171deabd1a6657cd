"""Products that name their axes: ``einsum``, and ``tensordot``, which numbers them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

from gradviz.engine.arguments import normal_axes
from gradviz.engine.functions.arithmetic import mul
from gradviz.engine.functions.diagonals import diagonal
from gradviz.engine.functions.reductions import sum as total
from gradviz.engine.functions.shapes import movedim, permute, reshape, squeeze, unsqueeze, view
from gradviz.engine.linalg.checks import check_tensor
from gradviz.engine.linalg.functions.products import bmm, dot, mm
from gradviz.engine.tensor import Tensor

__all__ = ["einsum", "inner", "tensordot"]

NOT_METHODS = ["einsum", "tensordot"]

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
ELLIPSIS = "..."


def einsum(*args: Any) -> Tensor:
    """Multiply tensors, and add up along axes, as an equation says in which the axes have letters.

    Parameters
    ----------
    equation
        The letters of each tensor's axes, with commas between; after ``->``, those of the result. Axes of the same letter
        run together; those that the result does not have are added up. ``...`` stands for all axes without a letter.
        Without ``->``, the result has the letters that come up once, in the order of the alphabet.
    *operands
        The tensors. (In place of an equation, each tensor may be followed by a list of numbers for its axes, with the
        result's list at the end.)

    Notes
    -----
    The product of two tensors is made of `permute`, `reshape` and `bmm`, and this is what a picture shows: axes that both
    have and the result keeps are the batch, and those that are added up are the inner ones of the matrix product.

    Examples
    --------
    >>> import gradviz as torch
    >>> A = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> torch.einsum("ij,kj->ik", A, A)
    tensor([[ 5., 11.],
            [11., 25.]])
    >>> torch.einsum("ii", A)
    tensor(5.)
    """
    if len(args) < 2:
        raise ValueError(
            "einsum(): must specify the equation string and at least one operand, or at least one operand and its "
            "subscripts list"
        )
    equation, *operands = args if not isinstance(args[0], Tensor) else _as_equation(args)
    if not isinstance(equation, str):
        raise TypeError(f"einsum(): argument 'equation' (position 1) must be str, not {type(equation).__name__}")
    if len(operands) == 1 and isinstance(operands[0], list | tuple):
        operands = list(operands[0])
    check_tensor("einsum", **{f"operand {number}": x for number, x in enumerate(operands)})
    labels, kept = _read(equation, operands)
    _check_sizes(labels, operands)
    summed = sorted({label for own in labels for label in own} - set(kept))
    arranged = [_arranged(x, own, [*kept, *summed]) for x, own in zip(operands, labels, strict=True)]
    return _multiplied(arranged, len(kept))


# --- reading -------------------------------------------------------------------------------------------------------------


def _as_equation(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Write the other form of arguments, with a list of numbers after each tensor, as an equation."""
    count = len(args) // 2 * 2
    equation = ",".join(_letters(axes) for axes in args[1:count:2])
    return (equation if count == len(args) else f"{equation}->{_letters(args[-1])}", *args[:count:2])


def _letters(axes: Sequence[Any]) -> str:
    for axis in axes:
        if axis is not Ellipsis and not 0 <= axis < len(LETTERS):
            raise ValueError(f"einsum(): subscript in subscript list is not within the valid range [0, {len(LETTERS)})")
    return "".join(ELLIPSIS if axis is Ellipsis else LETTERS[axis] for axis in axes)


def _read(equation: str, operands: Sequence[Tensor]) -> tuple[list[list[str]], list[str]]:
    """Return a label for each axis of each operand and of the result.

    The axes that an ellipsis covers are labelled ``...0``, ``...1``, ..., so that those of the last axis have the same
    label in all operands: they are broadcast like any others.
    """
    left, arrow, right = equation.partition("->")
    terms = left.split(",")
    if len(terms) > len(operands):
        raise RuntimeError("einsum(): fewer operands were provided than specified in the equation")
    starts = [sum(len(term) + 1 for term in terms[:number]) for number in range(len(terms))]
    written = [_labels(term, starts[number], number) for number, term in enumerate(terms)]
    if len(terms) < len(operands):
        raise RuntimeError("einsum(): more operands were provided than specified in the equation")
    covered = [_covered(own, x, number) for number, (own, x) in enumerate(zip(written, operands, strict=True))]
    most = max(covered)
    labels = [_spelt(own, most - count, most) for own, count in zip(written, covered, strict=True)]
    times = Counter(label for own in labels for label in own)
    if not arrow:
        return labels, sorted(label for label in times if times[label] == 1 or label.startswith(ELLIPSIS))
    kept = _spelt(_labels(right, len(left) + 2), 0, most)
    for label in kept:
        if kept.count(label) > 1:
            raise RuntimeError(f"einsum(): output subscript {label} appears more than once in the output")
        if label not in times:
            raise RuntimeError(
                f"einsum(): output subscript {label} does not appear in the equation for any input operand"
            )
    return labels, kept


def _labels(term: str, start: int, operand: int | None = None) -> list[str]:
    """Read the labels of one operand, or of the result, which starts at some place in the equation."""
    whose, dots, joint = (f"operand {operand}", "", "for which") if operand is not None else ("output", " (...)", "but")
    labels: list[str] = []
    place = 0
    while place < len(term):
        character = term[place]
        if character == ".":
            if ELLIPSIS in labels:
                raise RuntimeError(f"einsum(): found '.' for {whose} {joint} an ellipsis{dots} was already found")
            if not term.startswith(ELLIPSIS, place):
                raise RuntimeError(f"einsum(): found '.' for {whose} that is not part of any ellipsis{dots}")
            labels.append(ELLIPSIS)
            place += 3
            continue
        if character in LETTERS:
            labels.append(character)
        elif character != " ":
            raise RuntimeError(
                f"einsum(): invalid subscript given at index {start + place} in the equation string, subscripts must be in "
                "[a-zA-Z]"
            )
        place += 1
    return labels


def _covered(labels: list[str], x: Tensor, number: int) -> int:
    """Return how many axes of an operand its ellipsis covers."""
    named = len(labels) - (ELLIPSIS in labels)
    count = x.ndim - named
    if count < 0 or (count and ELLIPSIS not in labels):
        how = "is more than" if ELLIPSIS in labels else "does not match"
        why = "" if ELLIPSIS in labels else " and no ellipsis was given"
        raise RuntimeError(
            f"einsum(): the number of subscripts in the equation ({named}) {how} the number of dimensions ({x.ndim}) for "
            f"operand {number}{why}"
        )
    return count


def _spelt(labels: list[str], first: int, end: int) -> list[str]:
    """Write out an ellipsis, as one label for each axis it covers."""
    axes = [f"{ELLIPSIS}{place}" for place in range(first, end)]
    return [label for written in labels for label in (axes if written == ELLIPSIS else [written])]


def _check_sizes(labels: list[list[str]], operands: Sequence[Tensor]) -> None:
    """Check that axes with one label are equally long, or of length 1 in some of the operands."""
    lengths: dict[str, int] = {}
    for number, (own, x) in enumerate(zip(labels, operands, strict=True)):
        first: dict[str, int] = {}
        for label, length in zip(own, x.shape, strict=True):
            seen = lengths.get(label, 1)
            if first.setdefault(label, length) != length:
                raise RuntimeError(
                    f"einsum(): subscript {label} is repeated for operand {number} but the sizes don't match, {length} != "
                    f"{first[label]}"
                )
            if 1 not in (seen, length) and seen != length:
                raise RuntimeError(
                    f"einsum(): subscript {label} has size {length} for operand {number} which does not broadcast with "
                    f"previously seen size {seen}"
                    if not label.startswith(ELLIPSIS)
                    else f"einsum(): dimension {label.removeprefix(ELLIPSIS)} covered by ellipsis in operand {number}has size "
                    f"{length} which does not broadcast with previously seen ellipsis with size {seen} for the respective "
                    "dimension"
                )
            if length != 1:
                lengths[label] = length


# --- doing ---------------------------------------------------------------------------------------------------------------


def _arranged(x: Tensor, labels: list[str], order: list[str]) -> Tensor:
    """Bring an operand's axes into a common order, with axes of length 1 for those it lacks."""
    axes: dict[str, int] = {}
    for label in labels:
        if label in axes:  # for the second time: the diagonal
            x = movedim(diagonal(x, 0, axes[label], len(axes)), -1, axes[label])
        else:
            axes[label] = len(axes)
    for label in order:
        if label not in axes:
            axes[label] = len(axes)
            x = unsqueeze(x, -1)
    return permute(x, [axes[label] for label in order])


def _multiplied(operands: list[Tensor], kept: int) -> Tensor:
    """Multiply operands whose axes are in the same order, from left to right; all axes after the `kept` are added up."""
    first, *rest = operands
    summed = range(kept, first.ndim)
    if not rest:
        return total(first, tuple(summed)) if summed else first
    # An axis can be added up once all factors that run along it are in the product.
    waiting = {axis: sum(x.shape[axis] != 1 for x in operands) for axis in summed}
    for other in rest:
        together, alone_in_first, alone_in_other = [], [], []
        for axis in summed:
            if first.shape[axis] != 1 and other.shape[axis] != 1:
                waiting[axis] -= 1
                if waiting[axis] == 1:
                    together.append(axis)
            elif waiting[axis] == 1:
                if first.shape[axis] != 1:
                    alone_in_first.append(axis)
                elif other.shape[axis] != 1:
                    alone_in_other.append(axis)
        for axis in (*together, *alone_in_first, *alone_in_other):
            waiting[axis] = 0
        first = total(first, tuple(alone_in_first), True) if alone_in_first else first
        other = total(other, tuple(alone_in_other), True) if alone_in_other else other
        first = _contracted(first, other, together) if together else mul(first, other)
    return view(first, first.shape[:kept]) if summed else first


def _contracted(left: Tensor, right: Tensor, summed: list[int]) -> Tensor:
    """Multiply two tensors with their axes in the same order and add up along some, which both have: as batched matrices.

    The axes that are added up stay, with length 1.
    """
    others = [axis for axis in range(left.ndim) if axis not in summed]
    batch = [axis for axis in others if left.shape[axis] != 1 and right.shape[axis] != 1]
    rows = [axis for axis in others if left.shape[axis] != 1 and axis not in batch]
    columns = [axis for axis in others if axis not in rows and axis not in batch]
    if rows and columns and columns[-1] < rows[0]:
        left, right, rows, columns = right, left, columns, rows  # the other way round, the result lies as it should
    size_of_left, size_of_right = left.shape, right.shape
    count, height, inner_size, width = (
        math.prod(size[axis] for axis in axes)
        for size, axes in (
            (size_of_left, batch),
            (size_of_left, rows),
            (size_of_left, summed),
            (size_of_right, columns),
        )
    )
    x = reshape(permute(left, [*batch, *rows, *summed, *columns]), (count, height, inner_size))
    y = reshape(permute(right, [*batch, *summed, *columns, *rows]), (count, inner_size, width))
    order = [*batch, *rows, *summed, *columns]
    size = [1 if axis in summed else size_of_right[axis] if axis in columns else size_of_left[axis] for axis in order]
    return permute(view(bmm(x, y), size), [order.index(axis) for axis in range(len(order))])


# --- axes by number ------------------------------------------------------------------------------------------------------


def tensordot(a: Tensor, b: Tensor, dims: Any = 2) -> Tensor:
    """Multiply two tensors and add up along some axes of each: a matrix product for any number of axes.

    Parameters
    ----------
    a, b
        The tensors.
    dims
        How many of the last axes of `a` are paired with as many of the first of `b`; or two lists of axes to pair.

    Returns
    -------
    Tensor
        With the remaining axes of `a`, then those of `b`.
    """
    check_tensor("tensordot", b=b)
    if isinstance(dims, Tensor):
        dims = dims.tolist()
    if isinstance(dims, int):
        if dims < 0:
            raise RuntimeError(f"tensordot expects dims >= 0, but got dims={dims}")
        if dims > min(a.ndim, b.ndim):
            raise RuntimeError(f"tensordot expects dims < ndim_a or ndim_b, but got dims={dims}")
        dims = range(-dims, 0), range(dims)
    return _paired(a, b, *(list(axes) if not isinstance(axes, int) else [axes] for axes in dims))


def inner(input: Tensor, other: Tensor) -> Tensor:
    """Multiply along the last axis of both and add up: for vectors, the dot product."""
    check_tensor("inner", other=other)
    if not input.ndim or not other.ndim:
        return mul(input, other)
    if input.shape[-1] != other.shape[-1]:
        raise RuntimeError(
            "inner() the last dimension must match on both input tensors but got shapes "
            f"{list(input.shape)} and {list(other.shape)}"
        )
    return _paired(input, other, [-1], [-1])


def _paired(a: Tensor, b: Tensor, of_a: list[int], of_b: list[int]) -> Tensor:
    if len(of_a) != len(of_b):
        raise RuntimeError("both dimension lists should have same length")
    if a.array.dtype != b.array.dtype:
        raise RuntimeError("both inputs should have same dtype")
    for i, j in zip(of_a, of_b, strict=True):
        if a.shape[i] != b.shape[j] and 1 not in (a.shape[i], b.shape[j]):
            raise RuntimeError(
                f"contracted dimensions need to match, but first has size {a.shape[i]} in dim {i} and second has size "
                f"{b.shape[j]} in dim {j}"
            )
    axes_of_a, axes_of_b = (
        normal_axes(tuple(of_a), a.ndim) if of_a else (),
        normal_axes(tuple(of_b), b.ndim) if of_b else (),
    )
    for axes in (axes_of_a, axes_of_b):
        for axis in axes:
            if axes.count(axis) > 1:
                raise RuntimeError(f"dim {axis} appears multiple times in the list of dims")
    for i, j in zip(axes_of_a, axes_of_b, strict=True):
        if b.shape[j] == 1:  # where one is of length 1, the other is only added up
            a = total(a, i, True)
        elif a.shape[i] == 1:
            b = total(b, j, True)
    rows = [axis for axis in range(a.ndim) if axis not in axes_of_a]
    columns = [axis for axis in range(b.ndim) if axis not in axes_of_b]
    size = [*(a.shape[axis] for axis in rows), *(b.shape[axis] for axis in columns)]
    middle = math.prod(a.shape[axis] for axis in axes_of_a)
    height, width = (math.prod(x.shape[axis] for axis in axes) for x, axes in ((a, rows), (b, columns)))
    left = permute(a, [*rows, *axes_of_a])
    if height != 1 or width != 1:
        left = reshape(left, (height, middle))
    right = permute(b, [*axes_of_b, *columns])
    if height == width == 1:
        if left.is_contiguous() and right.is_contiguous():
            right = _flat(right)
            product = dot(_flat(left), right)
        else:
            right = squeeze(right)
            product = total(mul(squeeze(left), right))
    else:
        product = mm(left, reshape(right, (middle, width)))
    return view(product, size)


def _flat(x: Tensor) -> Tensor:
    return x if x.ndim == 1 else reshape(x, (-1,))
