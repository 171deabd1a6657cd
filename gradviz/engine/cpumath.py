"""Arithmetic rounded the way PyTorch's CPU kernels round it, so that the last digit agrees too.

NumPy computes the same functions, but to a slightly different last bit from machine to machine. The logarithm, sine
and cosine below are the ones of the Cephes library in its vectorised form (``avx_mathfun``), which PyTorch uses to
make normally distributed random numbers: reduce the argument to a short interval, then evaluate a polynomial.
"""

from __future__ import annotations

import numpy as np

_F32 = np.float32


def fma(a: np.ndarray, b: np.ndarray | float, c: np.ndarray | float) -> np.ndarray:
    """Return ``a * b + c`` rounded once, at the end, as a processor's fused multiply-add does.

    The one exception is an exact tie between two float32 that only a `c` smaller by a factor of 2**29 would break.

    Parameters
    ----------
    a
        A float32 or float64 array; the result has its dtype.
    b, c
        Arrays of that dtype, or numbers, which are rounded to it first.

    Examples
    --------
    >>> a = np.array([0.1], dtype=np.float32)
    >>> a * a - np.float32(0.01), fma(a, a, -0.01)
    (array([9.313226e-10], dtype=float32), array([5.2154064e-10], dtype=float32))
    """
    with np.errstate(over="ignore", invalid="ignore"):
        if a.dtype == _F32:
            # The product of two float32 is exact in float64.
            return (a.astype(np.float64) * np.asarray(b).astype(_F32) + np.asarray(c).astype(_F32)).astype(_F32)
        # There is no wider type everywhere, so carry along what each of the two roundings loses (Dekker, Knuth).
        b, c = np.asarray(b, a.dtype), np.asarray(c, a.dtype)
        a_high, b_high = _high_half(a), _high_half(b)
        a_low, b_low = a - a_high, b - b_high
        product = a * b
        product_lost = ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low
        total = product + c
        c_part = total - product
        total_lost = (product - (total - c_part)) + (c - c_part)
        lost = product_lost + total_lost
        # Near the largest float64 the bookkeeping overflows; and adding nothing would turn −0 into 0.
        return np.where(np.isfinite(lost) & (lost != 0), total + lost, total)


def _high_half(x: np.ndarray) -> np.ndarray:
    """Return the leading 26 bits of float64 numbers; the rest fits in 26 bits as well."""
    scaled = x * (2.0**27 + 1)
    return scaled - (scaled - x)


def _polynomial(x: np.ndarray, coefficients: tuple[float, ...]) -> np.ndarray:
    result = np.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        result = fma(result, x, coefficient)
    return result


_LOG = (
    7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1,
    2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
)  # fmt: skip
_LN2 = (-2.12194440e-4, 0.693359375)  # in two parts that add up to more digits than one float32 holds
_COS = (2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2)
_SIN = (-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1)
_QUARTER_PI = (0.78515625, 2.4187564849853515625e-4, 3.77489497744594108e-8)  # in three parts


def log(x: np.ndarray) -> np.ndarray:
    """Return the natural logarithm of positive, normal float32 numbers."""
    mantissa, exponent = np.frexp(x)  # x is mantissa · 2**exponent, and mantissa between 1/2 and 1
    small = mantissa < _F32(np.sqrt(0.5))
    x = np.where(small, mantissa + mantissa, mantissa) - _F32(1)
    exponent = (exponent - small).astype(_F32)
    square = x * x
    y = _polynomial(x, _LOG) * x
    y = fma(y, square, exponent * _F32(_LN2[0])) - square * _F32(0.5)
    return fma(exponent, _LN2[1], x + y)


def sin_cos(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return sine and cosine of float32 numbers from 0 to a few thousand."""
    octant = ((x * _F32(4 / np.pi)).astype(np.int32) + 1) & ~1  # to the nearest quarter turn, counted in eighths
    for part in _QUARTER_PI:
        x = fma(octant.astype(_F32), -part, x)
    square = x * x
    half = square * _F32(0.5)
    cos = fma(_polynomial(square, _COS) * square, square, -half) + _F32(1)
    sin = fma(_polynomial(square, _SIN) * square, x, x)
    swapped = octant & 2 != 0  # an odd number of quarter turns
    sin, cos = np.where(swapped, cos, sin), np.where(swapped, sin, cos)
    return np.where(octant & 4 != 0, -sin, sin), np.where((octant + 2) & 4 != 0, -cos, cos)
