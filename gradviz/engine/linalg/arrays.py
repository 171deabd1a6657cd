"""What NumPy lacks of linear algebra, on arrays: all functions take batches of matrices, (..., m, n)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

Array = np.ndarray


def transposed(matrix: Any) -> Any:
    """Transpose each matrix, of an array or of a tensor."""
    return np.swapaxes(matrix, -2, -1)


def lu(matrix: Array) -> tuple[Array, Array]:
    """Write a matrix as ``P @ L @ U``, by Gauss's elimination with the largest entry of each column as pivot.

    Parameters
    ----------
    matrix
        Of shape (..., m, n).

    Returns
    -------
    packed
        U on and above the diagonal, L below; the diagonal of L, all ones, is not stored.
    pivots
        Of shape (..., min(m, n)), counted from 1 as LAPACK does: in step i, row i changed places with row ``pivots[i]``.

    Notes
    -----
    One step per column, for all matrices at once. See Golub and Van Loan, "Matrix Computations", section 3.4.
    """
    *batch, m, n = matrix.shape
    steps = min(m, n)
    packed = np.array(matrix, order="C").reshape(math.prod(batch), m, n)
    each = np.arange(len(packed))
    pivots = np.zeros((len(packed), steps), np.int32)
    for step in range(steps if packed.size else 0):
        chosen = step + np.argmax(np.abs(packed[:, step:, step]), axis=1)
        pivots[:, step] = chosen + 1
        packed[each, chosen], packed[:, step] = packed[:, step].copy(), packed[each, chosen]
        head = packed[:, step, step, None]
        packed[:, step + 1 :, step] /= np.where(head == 0, 1, head)  # a column of zeros stays one
        packed[:, step + 1 :, step + 1 :] -= packed[:, step + 1 :, step, None] * packed[:, step, None, step + 1 :]
    return packed.reshape(matrix.shape), pivots.reshape(*batch, steps)


def unpacked(packed: Array) -> tuple[Array, Array]:
    """Take L and U out of what `lu` returns: of shapes (..., m, k) and (..., k, n), with k the smaller of m and n."""
    m, n = packed.shape[-2:]
    k = min(m, n)
    lower = np.tril(packed[..., :, :k], -1)
    lower[..., range(k), range(k)] = 1
    return lower, np.triu(packed[..., :k, :])


def permutation(pivots: Array, rows: int) -> Array:
    """Turn the steps of `lu` into the matrix P, of shape (..., rows, rows), that undoes them."""
    *batch, steps = pivots.shape
    flat = pivots.reshape(math.prod(batch), steps) - 1
    each = np.arange(len(flat))
    order = np.tile(np.arange(rows), (len(flat), 1))
    for step in range(steps):
        order[each, flat[:, step]], order[:, step] = order[:, step].copy(), order[each, flat[:, step]]
    return transposed(np.eye(rows)[order]).reshape(*batch, rows, rows)


def first_zero_pivot(matrix: Array) -> Array:
    """Return for each square matrix the place, counted from 1, of the first 0 that elimination meets; 0 if it meets none."""
    pivots = np.diagonal(lu(matrix)[0], axis1=-2, axis2=-1)
    return first(pivots == 0)


def first(found: Array) -> Array:
    """Return the place, counted from 1, of the first True along the last axis, or 0."""
    if not found.shape[-1]:
        return np.zeros(found.shape[:-1], np.int32)
    return np.where(found.any(-1), np.argmax(found, axis=-1) + 1, 0).astype(np.int32)


def substituted(triangle: Array, right: Array, upper: bool, unitriangular: bool = False) -> Array:
    """Solve ``triangle @ x = right`` for x, row by row, each with the rows known before.

    Parameters
    ----------
    triangle
        Of shape (..., n, n); what stands on the other side of the diagonal is not read.
    right
        Of shape (..., n, k).
    upper
        Which side of the diagonal is read.
    unitriangular
        Take the diagonal as ones, and do not read it.
    """
    n = triangle.shape[-1]
    batch = np.broadcast_shapes(triangle.shape[:-2], right.shape[:-2])
    x = np.array(np.broadcast_to(right, (*batch, *right.shape[-2:])))
    for row in range(n - 1, -1, -1) if upper else range(n):
        known = slice(row + 1, n) if upper else slice(0, row)
        x[..., row, :] -= (triangle[..., row, None, known] @ x[..., known, :])[..., 0, :]
        if not unitriangular:
            x[..., row, :] /= triangle[..., row, row, None]
    return x


def cholesky_as_far_as_it_goes(matrix: Array) -> tuple[Array, Array]:
    """Return L with ``L @ L.T == matrix``, column by column, and for each matrix where it stopped.

    Returns
    -------
    lower
        What was found before it stopped.
    stopped
        0, or the order of the first leading minor that is not positive.
    """
    *batch, n, _ = matrix.shape
    lower = np.tril(matrix).reshape(math.prod(batch), n, n)
    stopped = np.zeros(len(lower), np.int32)
    for column in range(n):
        done = lower[:, :, :column]
        rest = lower[:, column:, column] - (done[:, column:] @ done[:, column, :, None])[..., 0]
        bad = (stopped == 0) & ~(rest[:, 0] > 0)
        stopped[bad] = column + 1
        lower[bad, column, column] = rest[bad, 0]
        going = stopped == 0
        lower[going, column:, column] = rest[going] / np.sqrt(rest[going, :1])
    return lower.reshape(matrix.shape), stopped.reshape(batch)


def exponential(matrix: Array) -> Array:
    """Return the exponential 1 + A + A²/2! + A³/3! + ... of each square matrix.

    Notes
    -----
    By scaling and squaring: exp(A) = exp(A / 2ˢ) to the power 2ˢ, with s so large that 18 terms give all digits.
    See Moler and Van Loan, "Nineteen dubious ways to compute the exponential of a matrix", 2003.
    """
    n = matrix.shape[-1]
    if not matrix.size:
        return np.array(matrix)
    flat = matrix.reshape(-1, n, n)
    size = np.max(np.sum(np.abs(flat), axis=-2), axis=-1)
    squarings = np.ceil(np.log2(np.maximum(size, 1), where=np.isfinite(size), out=np.zeros_like(size))).astype(int)
    scaled = flat / np.exp2(squarings).astype(flat.dtype)[:, None, None]
    unit = np.eye(n, dtype=flat.dtype)
    out = unit + scaled / 18
    for term in range(17, 0, -1):
        out = unit + scaled @ out / term
    for step in range(squarings.max()):
        more = squarings > step
        out[more] = out[more] @ out[more]
    return out.reshape(matrix.shape)


def gradients_of_det(matrix: Array) -> Array:
    """Return the slope of the determinant along each entry of a square matrix, also of one that has no inverse.

    Notes
    -----
    By singular values: for A = U S Vᵀ the slopes are det(U) det(V) U C Vᵀ, where C has on its diagonal, in place of each
    singular value, the product of all others.
    """
    known = np.isfinite(matrix).all((-2, -1), keepdims=True)  # of other matrices LAPACK may never find any
    u, s, vh = np.linalg.svd(np.where(known, matrix, 0))
    n = s.shape[-1]
    others = np.repeat(s[..., None, :], n, axis=-2)
    others[..., range(n), range(n)] = 1
    sign = np.linalg.det(u) * np.linalg.det(vh)
    scale: Any = np.prod(others, axis=-1) * np.sign(sign)[..., None]
    return np.where(known, (u * scale[..., None, :].astype(matrix.dtype)) @ vh, np.nan)
