"""Products of vectors and matrices."""

from __future__ import annotations

import math

import numpy as np

from gradviz.engine import dtypes
from gradviz.engine.functions.arithmetic import mul
from gradviz.engine.functions.shapes import expand, reshape, squeeze, unsqueeze, view_of
from gradviz.engine.operation import broadcast_error
from gradviz.engine.operations import matrix, shapes
from gradviz.engine.tensor import Tensor

__all__ = [
    "addmm", "bmm", "dot", "matmul", "mm", "mv", "outer",
]  # fmt: skip


def _check_product(input: Tensor, other: Tensor) -> None:
    if input.array.dtype != other.array.dtype:
        names = (dtypes.scalar_type_name(tensor.dtype).lower() for tensor in (input, other))
        raise RuntimeError("expected m1 and m2 to have the same dtype, but got: {} != {}".format(*names))


def mm(input: Tensor, mat2: Tensor) -> Tensor:
    """Multiply two matrices, (n, m) and (m, p)."""
    if input.ndim != 2:
        raise RuntimeError("self must be a matrix")
    if mat2.ndim != 2:
        raise RuntimeError("mat2 must be a matrix")
    _check_product(input, mat2)
    if input.shape[1] != mat2.shape[0]:
        sizes = "x".join(map(str, input.shape)), "x".join(map(str, mat2.shape))
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied ({} and {})".format(*sizes))
    return matrix.mm(input, mat2)


def mv(input: Tensor, vec: Tensor) -> Tensor:
    """Multiply a matrix (n, m) and a vector (m)."""
    _check_product(input, vec)
    if input.shape[1] != vec.shape[0]:
        n, m = input.shape
        raise RuntimeError(f"size mismatch, got input ({n}), mat ({n}x{m}), vec ({vec.shape[0]})")
    return matrix.mv(input, vec)


def dot(input: Tensor, tensor: Tensor) -> Tensor:
    """Multiply two vectors entry by entry and add up."""
    _check_product(input, tensor)
    if input.shape != tensor.shape:
        m, n = input.numel(), tensor.numel()
        raise RuntimeError(
            f"inconsistent tensor size, expected tensor [{m}] and src [{n}] to have the same number of elements, "
            f"but got {m} and {n} elements respectively"
        )
    return matrix.dot(input, tensor)


def bmm(input: Tensor, mat2: Tensor) -> Tensor:
    """Multiply matrices pair by pair, (b, n, m) and (b, m, p)."""
    _check_product(input, mat2)
    b, _, m = input.shape
    if tuple(mat2.shape[:2]) != (b, m):
        raise RuntimeError(
            f"Expected size for first two dimensions of batch2 tensor to be: [{b}, {m}] but got: "
            f"[{mat2.shape[0]}, {mat2.shape[1]}]."
        )
    return matrix.bmm(input, mat2)


def addmm(input: Tensor, mat1: Tensor, mat2: Tensor) -> Tensor:
    """Multiply two matrices and add `input`."""
    if mat1.array.dtype != mat2.array.dtype:
        names = (dtypes.scalar_type_name(tensor.dtype) for tensor in (mat1, mat2))
        raise RuntimeError("mat1 and mat2 must have the same dtype, but got {} and {}".format(*names))
    if mat1.shape[1] != mat2.shape[0]:
        sizes = "x".join(map(str, mat1.shape)), "x".join(map(str, mat2.shape))
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied ({} and {})".format(*sizes))
    return matrix.addmm(input, mat1, mat2)


def matmul(input: Tensor, other: Tensor) -> Tensor:
    """Multiply vectors, matrices or batches of matrices, taking PyTorch's way through the simpler products."""
    if input.ndim == 0 or other.ndim == 0:
        raise RuntimeError(
            f"both arguments to matmul need to be at least 1D, but they are {input.ndim}D and {other.ndim}D"
        )
    match input.ndim, other.ndim:
        case 1, 1:
            return dot(input, other)
        case 2, 1:
            return mv(input, other)
        case 1, 2:
            return _squeezed_product(mm(unsqueeze(input, 0), other))
        case 2, 2:
            return mm(input, other)
        case _, 1 | 2 if input.ndim >= 3:
            rows = input.shape[:-1]
            flat = reshape(input, (math.prod(rows), input.shape[-1]))
            product = mv(flat, other) if other.ndim == 1 else mm(flat, other)
            size = tuple(rows) if other.ndim == 1 else (*rows, other.shape[-1])
            return shapes.unsafe_view(product, size, tuple(product.shape))
    left = unsqueeze(input, 0) if input.ndim == 1 else input
    try:
        batch = np.broadcast_shapes(left.shape[:-2], other.shape[:-2])
    except ValueError:
        raise broadcast_error(np.empty(left.shape[:-2]), np.empty(other.shape[:-2])) from None
    n, m, p = left.shape[-2], left.shape[-1], other.shape[-1]
    count = math.prod(batch)
    product = bmm(
        reshape(expand(left, (*batch, n, m)), (count, n, m)),
        reshape(expand(other, (*batch, other.shape[-2], p)), (count, other.shape[-2], p)),
    )
    size = (*batch, n, p)
    out = shapes.unsafe_view(product, size, tuple(product.shape))
    return squeeze(out, -2) if input.ndim == 1 else out


def _squeezed_product(product: Tensor) -> Tensor:
    return view_of(product, shapes.squeeze_of_matmul(product, (0,), tuple(product.shape)))


def outer(input: Tensor, vec2: Tensor) -> Tensor:
    """Multiply every entry of one vector with every entry of another."""
    return mul(reshape(input, (-1, 1)), vec2)
