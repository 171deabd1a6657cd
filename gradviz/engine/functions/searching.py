"""Functions that find where entries are, and which there are. Places have no gradient."""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np

from gradviz.engine.arguments import array_of, normal_axis
from gradviz.engine.operations import sorting
from gradviz.engine.tensor import Tensor, wrap

__all__ = [
    "argwhere", "bucketize", "msort", "nonzero", "searchsorted", "unique", "unique_consecutive", "unravel_index",
]  # fmt: skip

NOT_METHODS = ["bucketize", "searchsorted", "unravel_index"]
"""Functions that are not methods of tensors too."""


def nonzero(input: Tensor, *, as_tuple: bool = False) -> Any:
    """Return the places of the entries that are not 0: as rows of a matrix, or as an index, one tensor per axis."""
    if as_tuple:
        return tuple(wrap(places) for places in np.nonzero(np.atleast_1d(input.array)))
    return wrap(np.argwhere(input.array))


def argwhere(input: Tensor) -> Tensor:
    """Return the places of the entries that are not 0, as rows of a matrix."""
    return wrap(np.argwhere(input.array))


def unravel_index(indices: Tensor, shape: Any) -> tuple[Tensor, ...]:
    """Turn places in a flattened tensor into places along each of its axes."""
    sizes = (shape,) if isinstance(shape, int) else tuple(shape)
    return tuple(wrap(np.asarray(places)) for places in np.unravel_index(indices.array, sizes))


def msort(input: Tensor) -> Tensor:
    """Put the entries along the first axis in order."""
    return sorting.sort(input, 0, False, tuple(input.shape), False)[0]


def unique(
    input: Tensor,
    sorted: bool = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Any:
    """Return the different entries, or layers, of a tensor, in order.

    Parameters
    ----------
    return_inverse
        Return also, for each entry of the input, where it stands in the result.
    return_counts
        Return also how often each is there.
    dim
        Compare layers along this axis instead of entries.
    """
    axis = None if dim is None else normal_axis(dim, input.ndim)
    values, inverse, counts = np.unique(
        np.asarray(input.array), return_inverse=True, return_counts=True, axis=axis, equal_nan=False
    )
    places = inverse.reshape(input.shape if axis is None else (-1,))
    row = sorting.unique if dim is None else sorting.unique_dim
    return _answers(row(input, values), places if return_inverse else None, counts if return_counts else None)


def unique_consecutive(
    input: Tensor, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Any:
    """Return the entries, or layers along an axis, that differ from the one before; `unique` explains the rest."""
    array = np.asarray(input.array)
    axis = 0 if dim is None else normal_axis(dim, input.ndim)
    layers = array.reshape(-1) if dim is None else np.moveaxis(array, axis, 0)
    differs = np.any(layers[1:] != layers[:-1], axis=tuple(range(1, layers.ndim)))
    starts = np.concatenate([np.zeros(builtins.min(len(layers), 1), np.int64), np.flatnonzero(differs) + 1])
    inverse = np.cumsum(np.concatenate([np.zeros(builtins.min(len(layers), 1), np.int64), differs]), dtype=np.int64)
    counts = np.diff(np.append(starts, len(layers)))
    values = layers[starts] if dim is None else np.moveaxis(layers[starts], 0, axis)
    places = inverse.reshape(array.shape) if dim is None else inverse
    found = sorting.unique_consecutive(input, values)
    return _answers(found, places if return_inverse else None, counts if return_counts else None)


def _answers(values: Tensor, *arrays: Any) -> Any:
    answers = (values, *(wrap(np.ascontiguousarray(array)) for array in arrays if array is not None))
    return answers if len(answers) > 1 else answers[0]


def searchsorted(
    sorted_sequence: Tensor,
    input: Any,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
    sorter: Tensor | None = None,
) -> Tensor:
    """Return where in a sorted sequence values would have to stand.

    Parameters
    ----------
    sorted_sequence
        One row in order, or as many as `input` has.
    input
        The values, or a number.
    right, side
        Whether a value stands after its equals (``side="right"``) or before them.
    sorter
        What `argsort` returned, if the sequence is not in order itself.

    Examples
    --------
    >>> import gradviz as torch
    >>> torch.searchsorted(torch.tensor([1, 3, 5]), torch.tensor([0, 3, 9]))
    tensor([0, 1, 3])
    """
    if side not in (None, "left", "right"):
        raise RuntimeError(f"torch.searchsorted(): side can only be 'left' or 'right' but got {side}")
    if side == "left" and right:
        raise RuntimeError(
            "torch.searchsorted(): side and right can't be set to opposites, got side of left while right was True"
        )
    where: Any = "right" if right or side == "right" else "left"
    values, rows = np.asarray(array_of(input)), np.asarray(sorted_sequence.array)
    if rows.ndim != 1 and rows.shape[:-1] != values.shape[:-1]:
        raise RuntimeError(
            "torch.searchsorted(): boundaries tensor should be 1 dimension or the first N-1 dimensions of boundaries tensor "
            f"and input value tensor must match, but we got boundaries tensor {list(rows.shape)} and input value tensor "
            f"{list(values.shape)}"
        )
    if sorter is not None:
        rows = np.take_along_axis(rows, sorter.array, -1)
    kind = np.int32 if out_int32 else np.int64
    if rows.ndim == 1:
        return wrap(np.asarray(np.searchsorted(rows, values, where), kind))
    # Each row is searched by itself.
    found = np.empty(values.shape, kind)
    pairs = zip(rows.reshape(-1, rows.shape[-1]), values.reshape(-1, values.shape[-1]), strict=True)
    for place, (row, wanted) in enumerate(pairs):
        found.reshape(-1, values.shape[-1])[place] = np.searchsorted(row, wanted, where)
    return wrap(found)


def bucketize(input: Any, boundaries: Tensor, *, out_int32: bool = False, right: bool = False) -> Tensor:
    """Return in which bucket each value falls, counted from 0.

    Parameters
    ----------
    boundaries
        Where the buckets meet, in order.
    right
        Whether a value on a boundary falls into the upper bucket.
    """
    if boundaries.ndim != 1:
        raise RuntimeError(f"boundaries tensor must be 1 dimension, but got dim({boundaries.ndim})")
    return searchsorted(boundaries, input, out_int32=out_int32, right=right)
