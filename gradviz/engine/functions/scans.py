"""Functions that go along an axis and keep every step."""

from __future__ import annotations

from typing import Any

from gradviz.engine import dtypes
from gradviz.engine.arguments import normal_axis
from gradviz.engine.functions.reductions import as_dtype
from gradviz.engine.functions.results import return_type
from gradviz.engine.operations import scans
from gradviz.engine.tensor import Tensor

__all__ = ["cummax", "cummin", "cumprod", "cumsum", "logcumsumexp"]


def cumsum(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """Add up along an axis, keeping every sum on the way."""
    return scans.cumsum(input if dtype is None else input.to(dtype), normal_axis(dim, input.ndim))


CummaxResult, CumminResult = return_type("cummax", "values indices"), return_type("cummin", "values indices")


def cumprod(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """Multiply along an axis, keeping every product on the way."""
    return scans.cumprod(as_dtype(input, dtype), normal_axis(dim, input.ndim))


def logcumsumexp(input: Tensor, dim: int) -> Tensor:
    """Return the logarithm of the sums of exponentials along an axis, keeping every one on the way, without overflow."""
    if input.array.dtype.kind != "f":
        kind = dtypes.scalar_type_name(input.dtype)
        raise NotImplementedError(f"\"logcumsumexp_out_cpu\" not implemented for '{kind}'")
    return scans.logcumsumexp(input, normal_axis(dim, input.ndim))


def cummax(input: Tensor, dim: int) -> Any:
    """Return the largest entry so far, along an axis, and where it was; of equal ones the last."""
    return CummaxResult(*scans.cummax(input, normal_axis(dim, input.ndim), tuple(input.shape)))


def cummin(input: Tensor, dim: int) -> Any:
    """Return the smallest entry so far, along an axis, and where it was; of equal ones the last."""
    return CumminResult(*scans.cummin(input, normal_axis(dim, input.ndim), tuple(input.shape)))
