"""What is checked before anything is computed with matrices, and the errors in PyTorch's words."""

# ruff: noqa: N803 (a matrix is a capital letter, in PyTorch's names and in the formulas)

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz.engine import dtypes
from gradviz.engine.arguments import array_of
from gradviz.engine.broadcast import broadcast_error
from gradviz.engine.tensor import Tensor


class LinAlgError(RuntimeError):
    """A matrix has no inverse, or no factor, or an algorithm does not come to an end."""


def type_names(*tensors: Tensor) -> tuple[str, ...]:
    """Return ``Float``, ``Long``, ... for each tensor, for messages."""
    return tuple(dtypes.scalar_type_name(tensor.dtype) for tensor in tensors)


def check_tensor(function: str, **arguments: Any) -> None:
    """Say which argument is not a tensor. The first is always one where this is called, so they count from the second."""
    for place, (name, value) in enumerate(arguments.items(), start=2):
        if not isinstance(value, Tensor):
            raise TypeError(
                f"{function}(): argument '{name}' (position {place}) must be Tensor, not {type(value).__name__}"
            )


def check_matrix(name: str, A: Tensor, square: bool = True, argument: str = " A") -> None:
    """Say what is wrong with what should be a batch of matrices."""
    if A.ndim < 2:
        raise RuntimeError(f"{name}: The input tensor{argument} must have at least 2 dimensions.")
    if square and A.shape[-1] != A.shape[-2]:
        raise RuntimeError(
            f"{name}: A must be batches of square matrices, but they are {A.shape[-2]} by {A.shape[-1]} matrices"
        )


def check_floating(name: str, A: Tensor, half: str | None = None) -> None:
    """Say that a dtype does not do; `half` is what PyTorch calls the algorithm that has no half precision."""
    if A.array.dtype.kind != "f":
        raise RuntimeError(f"{name}: Expected a floating point or complex tensor as input. Got {type_names(A)[0]}")
    if A.array.dtype.itemsize == 2:
        if half:
            raise NotImplementedError(f"\"{half}\" not implemented for 'Half'")
        raise RuntimeError(f"{name}: Low precision dtypes not supported. Got Half")


def refuse(name: str, info: Any, text: str) -> None:
    """Raise an error if an algorithm stopped early for some matrix; `text` may use where, as ``{}``."""
    array = np.asarray(array_of(info))
    if not array.any():
        return
    first = int(np.flatnonzero(array)[0])
    which = f"(Batch element {first}): " if array.ndim else ""
    raise LinAlgError(f"{name}: {which}{text.format(array.flat[first])}")


SINGULAR = "The diagonal element {} is zero, the inversion could not be completed because the input matrix is singular."
UNSOLVED = "The solver failed because the input matrix is singular."
NOT_POSITIVE = (
    "The factorization could not be completed because the input is not positive-definite (the leading minor of order {} "
    "is not positive-definite)."
)


def check_equation(name: str, A: Tensor, size: tuple[int, ...], left: bool) -> None:
    """Check that the right side has as many rows (or, of ``X A = B``, columns) as the matrix."""
    if A.shape[-1] != size[-2 if left else -1]:
        equation = "AX = B" if left else "XA = B"
        raise RuntimeError(
            f"{name}: Incompatible shapes of A and B for the equation {equation} ({A.shape[-2]}x{A.shape[-1]} and "
            f"{size[-2]}x{size[-1]})"
        )
    try:
        np.broadcast_shapes(tuple(A.shape[:-2]), size[:-2])
    except ValueError:
        raise broadcast_error(np.empty(size[:-2]), np.empty(A.shape[:-2])) from None


def only_float_and_double(A: Tensor) -> None:
    """Say so if a tensor holds anything else."""
    if A.array.dtype.kind != "f" or A.array.dtype.itemsize == 2:
        raise RuntimeError("This function doesn't handle types other than float and double")
