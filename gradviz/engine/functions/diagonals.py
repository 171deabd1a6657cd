"""Diagonals and triangles of matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz.engine import dtypes
from gradviz.engine.arguments import normal_axis
from gradviz.engine.creation.options import creating
from gradviz.engine.functions.shapes import ravel
from gradviz.engine.operations import parts
from gradviz.engine.tensor import Tensor
from gradviz.engine.views import view_of

__all__ = [
    "diag", "diag_embed", "diagflat", "diagonal", "diagonal_copy", "diagonal_scatter", "tril", "tril_indices", "triu",
    "triu_indices",
]  # fmt: skip

NOT_METHODS = ["diagonal_copy", "tril_indices", "triu_indices"]
"""Functions that are not methods of tensors too."""

IN_PLACE = ["tril", "triu"]


def diagonal(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """Take the diagonal of two axes, as a view; it is the last axis of the result.

    Parameters
    ----------
    offset
        Which diagonal: above the main one if positive, below it if negative.
    dim1, dim2
        The two axes.
    """
    return view_of(input, parts.diagonal(input, offset, *_two_axes(input.ndim, dim1, dim2), input.array.shape))


def _two_axes(ndim: int, dim1: int, dim2: int) -> tuple[int, int]:
    axes = normal_axis(dim1, ndim), normal_axis(dim2, ndim)
    if axes[0] == axes[1]:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    return axes


def diagonal_copy(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """Take the diagonal of two axes, as a copy."""
    return parts.diagonal_copy(input, offset, *_two_axes(input.ndim, dim1, dim2), input.array.shape)


def diagonal_scatter(input: Tensor, src: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """Replace the diagonal of two axes, in a copy."""
    axes = _two_axes(input.ndim, dim1, dim2)
    check_part(src, np.diagonal(input.array, offset, *axes).shape)
    return parts.diagonal_scatter(input, src, offset, *axes)


def check_part(src: Tensor, shape: tuple[int, ...]) -> None:
    """Say that what should replace a part of a tensor does not fit there."""
    if tuple(src.shape) != shape:
        raise RuntimeError(
            f"expected src to have a size equal to the slice of self. src size = {list(src.shape)}, slice size = "
            f"{list(shape)}"
        )


def diag_embed(input: Tensor, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """Put the entries of the last axis on the diagonal of two new ones, with zeros around it."""
    return parts.diag_embed(input, offset, *_two_axes(input.ndim + 1, dim1, dim2))


def diag(input: Tensor, diagonal: int = 0) -> Tensor:
    """Make a matrix with a vector on its diagonal, or take the diagonal of a matrix.

    Examples
    --------
    >>> import gradviz as torch
    >>> torch.diag(torch.tensor([1, 2]))
    tensor([[1, 0],
            [0, 2]])
    """
    if input.ndim == 1:
        return diag_embed(input, diagonal)
    if input.ndim != 2:
        raise RuntimeError(f"diag(): Supports 1D or 2D tensors. Got {input.ndim}D")
    return diagonal_copy(input, diagonal)


def diagflat(input: Tensor, offset: int = 0) -> Tensor:
    """Make a matrix with all entries, in one row, on its diagonal."""
    return diag_embed(ravel(input), offset)


def tril(input: Tensor, diagonal: int = 0) -> Tensor:
    """Set what stands above a diagonal to 0."""
    _check_matrix("tril", input)
    return parts.tril(input, diagonal)


def triu(input: Tensor, diagonal: int = 0) -> Tensor:
    """Set what stands below a diagonal to 0."""
    _check_matrix("triu", input)
    return parts.triu(input, diagonal)


def _check_matrix(name: str, input: Tensor) -> None:
    if input.ndim < 2:
        raise RuntimeError(f"{name}: input tensor must have at least 2 dimensions")


@creating
def tril_indices(row: int, col: int, offset: int = 0, *, dtype: Any = None) -> Any:
    """Return the rows and the columns of the lower triangle of a matrix, its diagonal included."""
    return np.array(np.tril_indices(row, offset, col), dtypes.to_numpy(dtype or dtypes.int64))


@creating
def triu_indices(row: int, col: int, offset: int = 0, *, dtype: Any = None) -> Any:
    """Return the rows and the columns of the upper triangle of a matrix, its diagonal included."""
    return np.array(np.triu_indices(row, offset, col), dtypes.to_numpy(dtype or dtypes.int64))
