"""Distances between the rows of matrices."""

from __future__ import annotations

from gradviz.engine.functions.shapes import reshape
from gradviz.engine.linalg.checks import check_tensor, type_names
from gradviz.engine.linalg.functions.multiplication import as_batch, together
from gradviz.engine.linalg.operations import distances as rows
from gradviz.engine.tensor import Tensor

__all__ = NOT_METHODS = ["cdist", "pdist"]

MODES = ("use_mm_for_euclid_dist_if_necessary", "use_mm_for_euclid_dist", "donot_use_mm_for_euclid_dist")


def cdist(x1: Tensor, x2: Tensor, p: float = 2.0, compute_mode: str = MODES[0]) -> Tensor:
    """Return the distance of each row of one matrix from each row of another.

    Parameters
    ----------
    x1, x2
        Of shapes (..., P, M) and (..., R, M); the axes in front are broadcast.
    p
        Which norm: 2 for the length, 1 for the sum of absolute values, 0 for the number of entries that differ.
    compute_mode
        For `p` 2: whether to find distances by a matrix product, which is faster and loses digits of short distances.
        ``"use_mm_for_euclid_dist_if_necessary"`` does so if P or R is above 25; the others are
        ``"use_mm_for_euclid_dist"`` and ``"donot_use_mm_for_euclid_dist"``.

    Returns
    -------
    Tensor
        Of shape (..., P, R).
    """
    if compute_mode not in MODES:
        raise ValueError(f"{compute_mode} is not a valid value for compute_mode")
    check_tensor("cdist", x2=x2)
    for number, x in ((1, x1), (2, x2)):
        if x.array.dtype.kind != "f":
            raise RuntimeError(f"cdist only supports floating-point dtypes, X{number} got: {type_names(x)[0]}")
    for number, x in ((1, x1), (2, x2)):
        if x.ndim < 2:
            raise RuntimeError(f"cdist only supports at least 2D tensors, X{number} got: {x.ndim}D")
    if x1.shape[-1] != x2.shape[-1]:
        raise RuntimeError(f"X1 and X2 must have the same number of columns. X1: {x1.shape[-1]} X2: {x2.shape[-1]}")
    if p < 0:
        raise RuntimeError("cdist only supports non-negative p values")
    if x1.array.dtype != x2.array.dtype:
        raise RuntimeError("expected scalar type {} but found {}".format(*type_names(x1, x2)))
    (*front1, count, length), (*front2, columns, _) = x1.shape, x2.shape
    batch = together(tuple(front1), tuple(front2))
    large = compute_mode == MODES[0] and (count > 25 or columns > 25)
    if p != 2 or not (large or compute_mode == MODES[1]) or 0 in (*batch, count, columns, length):
        return rows.cdist(x1, x2, float(p))
    if batch:
        x1, x2 = as_batch(x1, batch, (count, length)), as_batch(x2, batch, (columns, length))
    return reshape(rows.euclidean_dist(x1, x2), (*batch, count, columns))


def pdist(input: Tensor, p: float = 2.0) -> Tensor:
    """Return the distances between all pairs of rows of a matrix (N, M): N(N − 1)/2 numbers. See `cdist`."""
    if input.ndim != 2:
        raise RuntimeError(f"pdist only supports 2D tensors, got: {input.ndim}D")
    if input.array.dtype.kind != "f":
        raise RuntimeError("pdist only supports floating-point dtypes")
    if p < 0:
        raise RuntimeError("pdist only supports non-negative p values")
    return rows.pdist(input, float(p))
