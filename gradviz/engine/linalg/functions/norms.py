"""The size of vectors and matrices, and how much an error may grow."""

# ruff: noqa: N803, N806 (a matrix is a capital letter, in PyTorch's names and in the formulas)

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradviz.engine import dtypes
from gradviz.engine.arguments import array_of, normal_axes, normal_axis
from gradviz.engine.functions.arithmetic import mul
from gradviz.engine.functions.elementwise import nan_to_num
from gradviz.engine.functions.indexing import narrow
from gradviz.engine.functions.reductions import amax, amin
from gradviz.engine.functions.reductions import sum as total
from gradviz.engine.functions.scattering import masked_fill
from gradviz.engine.functions.shapes import permute, squeeze, unsqueeze
from gradviz.engine.linalg.checks import (
    check_floating,
    check_matrix,
    type_names,
)  # fmt: skip
from gradviz.engine.linalg.functions.decompositions import svdvals
from gradviz.engine.linalg.functions.equations import inv_ex
from gradviz.engine.linalg.operations import norms as rows
from gradviz.engine.tensor import Tensor, wrap

__all__ = ["cond", "matrix_norm", "norm", "vector_norm"]


def norm(A: Tensor, ord: Any = None, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Return the size of a vector or a matrix.

    Parameters
    ----------
    A
        The numbers.
    ord
        Which norm; ``None`` for the root of the sum of all squares. See `vector_norm` and `matrix_norm`.
    dim
        One axis for vectors, two for matrices; ``None`` for all.
    keepdim
        Keep the axes with length 1.

    Examples
    --------
    >>> import gradviz as torch
    >>> torch.linalg.norm(torch.tensor([3.0, 4.0]))
    tensor(5.)
    """
    axes = (dim,) if isinstance(dim, int) else dim
    if axes is not None and len(axes) not in (1, 2):
        raise RuntimeError(f"linalg.norm: If dim is specified, it must be of length 1 or 2. Got {list(axes)}")
    if axes is None and ord is not None and not isinstance(ord, str) and A.ndim not in (1, 2):
        raise RuntimeError(
            f"linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got {A.ndim}D."
        )
    if ord is not None and (isinstance(ord, str) or (A.ndim == 2 if axes is None else len(axes) == 2)):
        return matrix_norm(A, ord, (0, 1) if axes is None else axes, keepdim, dtype=dtype)
    return vector_norm(A, 2 if ord is None else ord, dim, keepdim, dtype=dtype)


def vector_norm(x: Tensor, ord: float = 2, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Return the length of vectors: the sum of ``abs(x) ** ord``, to the power ``1 / ord``.

    Parameters
    ----------
    x
        The numbers.
    ord
        2 for the usual length, 1 for the sum of absolute values, ``inf`` for the largest, ``-inf`` for the smallest, 0
        for the number of entries that are not 0.
    dim
        The axes along which a vector lies; ``None`` for all.
    keepdim
        Keep these axes with length 1.
    dtype
        What to compute in.
    """
    if not isinstance(array_of(ord), int | float):
        raise TypeError(f"linalg_vector_norm(): argument 'ord' must be Number, not {type(ord).__name__}")
    x = _to("linalg.vector_norm", x, dtype)
    if x.array.dtype.kind != "f":
        check_floating("linalg.vector_norm", x)
    axes = _distinct(dim, x.ndim)
    ord = float(array_of(ord))
    if not x.numel() and (ord < 0 or ord == math.inf):
        shown = "inf" if ord == math.inf else "-inf" if ord == -math.inf else f"{ord:g}"
        for axis in axes if dim is not None and axes else ():
            if x.shape[axis] == 0:
                raise RuntimeError(
                    f"linalg.vector_norm cannot compute the {shown} norm on the dimension {axis}because this dimension is "
                    "empty and the operation does not have an identity"
                )
        if len(axes) == x.ndim:
            raise RuntimeError(
                f"linalg.vector_norm cannot compute the {shown} norm on an empty tensor because the operation does not "
                "have an identity"
            )
    return rows.vector_norm(x, None if dim == [] or dim == () else dim, keepdim, ord)


def _to(name: str, x: Tensor, dtype: Any) -> Tensor:
    """Convert a tensor to the dtype that was asked for, if that loses nothing."""
    if dtype is None:
        return x
    kind, shown = dtypes.to_numpy(dtype), dtypes.scalar_type_name(dtypes.from_numpy(dtypes.to_numpy(dtype)))
    if x.array.dtype.kind != "f":
        check_floating(name, x)
    if kind.kind != "f":
        raise RuntimeError(f"{name}: dtype should be floating point or complex, but got {shown}")
    if kind.itemsize < x.array.dtype.itemsize:
        raise RuntimeError(
            f"{name}: the dtype of the input ({type_names(x)[0]}) should be convertible without narrowing to the specified "
            f"dtype ({shown})"
        )
    return x.to(dtype)


def _distinct(dim: Any, ndim: int) -> tuple[int, ...]:
    axes = normal_axes(tuple(dim) if isinstance(dim, tuple | list) else dim, ndim)
    for axis in axes:
        if axes.count(axis) > 1:
            raise RuntimeError(f"dim {axis} appears multiple times in the list of dims")
    return axes


def matrix_norm(
    A: Tensor, ord: Any = "fro", dim: Any = (-2, -1), keepdim: bool = False, *, dtype: Any = None
) -> Tensor:
    """Return the size of matrices.

    Parameters
    ----------
    A
        Of shape (..., m, n).
    ord
        ``"fro"`` for the root of the sum of all squares; ``"nuc"``, 2 or -2 for the sum, the largest or the smallest of the
        singular values; 1 or -1 for the largest or smallest sum of absolute values of a column, ``inf`` or ``-inf`` of a
        row.
    dim
        The two axes of a matrix.
    keepdim
        Keep these axes with length 1.
    dtype
        What to compute in.
    """
    name = "linalg.matrix_norm"
    if A.ndim < 2:
        raise RuntimeError(f"{name}: The input tensor A must have at least 2 dimensions.")
    if ord != "fro" or A.array.dtype.kind != "f":
        check_floating(name, A)
    if isinstance(dim, int) or len(dim) != 2:
        got = [dim] if isinstance(dim, int) else dim
        raise RuntimeError(f"{name}: dim must be a 2-tuple. Got {' '.join(map(str, got))}")
    kinds = ("fro", "nuc", 1, 2, -1, -2, math.inf, -math.inf)
    if ord not in kinds:
        raise RuntimeError(f"{name}: Order {ord} not supported.")
    first, second = axes = normal_axis(dim[0], A.ndim), normal_axis(dim[1], A.ndim)
    if first == second:
        raise RuntimeError(f"{name}: dims must be different. Got ({dim[0]}, {dim[1]})")
    if ord == "fro":
        return vector_norm(A, 2, axes, keepdim, dtype=dtype)
    A = _to(name, A, dtype)
    if ord in ("nuc", 2, -2):
        others = [axis for axis in range(A.ndim) if axis not in axes]
        values = svdvals(permute(A, [*others, first, second]))
        out = (total if ord == "nuc" else amax if ord == 2 else amin)(values, -1, keepdim)
        if not keepdim:
            return out
        order = [*others, first, second]
        return permute(unsqueeze(out, -1), [order.index(axis) for axis in range(A.ndim)])
    along, over = (first, second) if abs(ord) == 1 else (second, first)
    sums = vector_norm(A, 1, along, keepdim)
    if not keepdim and over > along:
        over -= 1
    return (amax if ord > 0 else amin)(sums, over, keepdim)


def cond(A: Tensor, p: Any = None) -> Tensor:
    """Return the condition number: how much larger a relative error in ``b`` may become in the solution of ``A x = b``.

    Parameters
    ----------
    A
        Of shape (..., m, n); for norms other than 2 and -2, square.
    p
        Which norm of matrices, see `matrix_norm`; ``None`` for 2: the largest singular value over the smallest.
    """
    if A.ndim < 2:
        raise RuntimeError("linalg.cond: The input tensor must have at least 2 dimensions.")
    if p is None or p in (2, -2):
        values = svdvals(A)
        ends = [narrow(values, -1, start, 1) for start in (0, values.shape[-1] - 1)]
        return squeeze(ends[1] / ends[0] if p == -2 else ends[0] / ends[1], -1)
    if p not in ("fro", "nuc", 1, -1, math.inf, -math.inf):
        raise RuntimeError(f"linalg.cond got an invalid norm type: {p}")
    check_matrix(f"linalg.cond(ord={p})", A)
    inverse, info = inv_ex(A)
    inverse = masked_fill(inverse, wrap(np.asarray(array_of(info))[..., None, None] > 0), math.inf)
    product = mul(matrix_norm(A, p), matrix_norm(inverse, p))
    return nan_to_num(product, math.inf, math.inf, -math.inf)
