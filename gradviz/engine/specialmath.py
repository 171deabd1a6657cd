"""Special functions of arrays, in NumPy alone: the error function, the gamma function, Bessel functions and their kin.

Each is computed from a series or a sum that can be read in a table of formulas, chosen by how large the argument is, so
there are no long lists of fitted coefficients. All work in float64, whatever comes in, and are right to some 14 digits; the
error functions, which activations need fast, work in float32 for float32.

References
----------
.. [1] M. Abramowitz and I. Stegun, "Handbook of Mathematical Functions", 1964: what is called A&S below.
.. [2] C. Chiarella and A. Reichel, "On the evaluation of integrals related to the error function", Math. Comp. 22, 1968.
.. [3] S. Winitzki, "A handy approximation for the error function and its inverse", 2008.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any

import numpy as np

Array = Any  # an ndarray or a NumPy scalar

BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798, -174611 / 330)
"""The Bernoulli numbers B₂, B₄, ..., B₂₀."""

_ROOT_PI = math.sqrt(math.pi)
_ROOT_2 = math.sqrt(2)


def _in_float64(function: Callable[..., Array]) -> Callable[..., Array]:
    """Compute in float64 and give the result back in the precision of the first argument."""

    @wraps(function)
    def computed(x: Array, *others: Any) -> Array:
        with np.errstate(all="ignore"):
            return function(np.asarray(x, np.float64), *others).astype(np.result_type(x), copy=False)

    return computed


def _series(x: Array, coefficients: Any) -> Array:
    """Evaluate a polynomial, given from the lowest power up, by Horner's rule."""
    total = np.full_like(x, coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        total *= x
        total += x.dtype.type(coefficient)
    return total


# --- the error function -----------------------------------------------------------------------------------------------
#
# Below 1/2 the Taylor series of erf (A&S 7.1.5). Above, the trapezoidal rule for the integral of exp(−t²)/(x² + t²), which
# is π·erfcx(x)/(2x). With steps of h it errs by exp(−π²/h²) once the poles at ±ix are accounted for [2]: a dozen terms are
# exact to the last digit. Which of the two it is, is settled by multiplying with 0 or 1: `np.where`, which has to guess,
# would take longer than all of the sum.

_TAYLOR = tuple(2 / _ROOT_PI * (-1) ** k / (math.factorial(k) * (2 * k + 1)) for k in range(13))
_PLAN = {"d": (0.5, 12, 13), "f": (0.75, 6, 7)}
"""By precision: the step h, the terms of the sum, and those of Taylor's series."""

_BLOCK = {"d": 4096, "f": 16384}
"""By precision: how many numbers to compute at a time. What stays in the cache takes a third of the time."""


def _working_precision(function: Callable[..., Array]) -> Callable[[Array], Array]:
    """Compute in float64 or float32 (float16 in float32), block by block."""

    @wraps(function)
    def computed(x: Array) -> Array:
        kind = np.result_type(x)
        working = kind if kind.char in _PLAN else np.dtype(np.float32 if kind.char == "e" else np.float64)
        plan, block = _PLAN[working.char], _BLOCK[working.char]
        given = np.asarray(x, working)
        result = np.empty_like(given, kind)  # laid out in memory as NumPy's own functions lay out theirs
        order = sorted(range(given.ndim), key=lambda axis: -result.strides[axis])
        flat, out = given.transpose(order).ravel(), result.transpose(order).reshape(-1)
        with np.errstate(all="ignore"):
            for start in range(0, flat.size, block):
                out[start : start + block] = function(flat[start : start + block], *plan)
        return result

    return computed


def _erf_near(x: Array, terms: int) -> Array:
    x = np.clip(x, -0.5, 0.5)
    return x * _series(x * x, _TAYLOR[:terms])


def _erfc_far(x: Array, step: float, terms: int) -> tuple[Array, Array]:
    """Return, for x ≥ 1/2, two parts of erfc(x): one that still has to be multiplied by exp(−x²), and one to add."""
    squares = ((np.arange(terms + 1) * step) ** 2).astype(x.dtype)
    weights = np.exp(-squares)
    weights[0] = 0.5  # the sum goes to both sides of its first term
    total = weights @ (1 / (x.ravel() ** 2 + squares[:, None]))
    pole = -2 / np.expm1(np.minimum(x, 5 / step) * (2 * math.pi / step))
    return total.reshape(x.shape) * x * (2 * step / math.pi), pole


def _exp_of_minus_square(x: Array) -> Array:
    """Return exp(−x²), with the part of x² that rounding would lose, and the exponential magnify, kept apart."""
    coarse = np.round(x * 16) / 16
    return np.exp(-coarse * coarse) * np.exp(-(x - coarse) * (x + coarse))


@_working_precision
def erf(x: Array, step: float, terms: int, taylor: int) -> Array:
    """Return 2/√π times the integral of exp(−t²) from 0 to x."""
    x = np.clip(x, -30, 30)
    size = np.maximum(np.abs(x), x.dtype.type(0.5))
    scaled, pole = _erfc_far(size, step, terms)
    far = (x / size) * (1 - pole - scaled * np.exp(-size * size))
    inside = size <= 0.5
    return _erf_near(x, taylor) * inside + far * ~inside


@_working_precision
def erfc(x: Array, step: float, terms: int, taylor: int) -> Array:
    """Return 1 − erf(x), accurate where that is small."""
    x = np.clip(x, -30, 30)
    size = np.maximum(np.abs(x), x.dtype.type(0.5))
    scaled, pole = _erfc_far(size, step, terms)
    far = scaled * _exp_of_minus_square(size) + pole * (size < math.pi / step)
    inside = size <= 0.5
    return (1 - _erf_near(x, taylor)) * inside + (far * (x > 0) + (2 - far) * (x < 0)) * ~inside


@_in_float64
def erfcx(x: Array) -> Array:
    """Return exp(x²)·erfc(x), which falls like 1/x where erfc itself is 0 to machine precision."""
    step, terms, taylor = _PLAN["d"]
    size = np.clip(np.abs(x), 0.5, 1e8)
    scaled, pole = _erfc_far(size, step, terms)
    far = scaled + np.where(size < math.pi / step, pole * np.exp(np.minimum(size, 7) ** 2), 0)
    far = np.where(np.abs(x) > 1e8, 1 / (_ROOT_PI * np.abs(x)), far)
    near = np.exp(x * x) * (1 - _erf_near(x, taylor))
    return np.where(np.abs(x) < 0.5, near, np.where(x > 0, far, 2 * np.exp(x * x) - far))


@_in_float64
def erfinv(x: Array) -> Array:
    """Return the number whose error function is x; infinite at −1 and 1, nan beyond."""
    size = np.abs(x)
    middle = np.minimum(size, 0.6)  # from here on the distance to 1 has more digits than the number
    near = _winitzki(np.log1p(-middle * middle))
    for _ in range(3):
        near = _halley(near, (erf(near) - middle) * np.exp(near * near) * (_ROOT_PI / 2))
    inverse = np.where(size < 0.6, near, _erfcinv(1 - np.clip(size, 0.6, 1)))
    return np.where(size <= 1, np.copysign(inverse, x), np.nan)


def _erfcinv(y: Array) -> Array:
    """Return the number x ≥ 0 with erfc(x) = y, for 0 ≤ y ≤ 1."""
    x = _winitzki(np.log(y * (2 - y)))
    for _ in range(4):
        x = _halley(x, (np.exp(x * x + np.log(y)) - erfcx(x)) * (_ROOT_PI / 2))
    return np.where(y == 0, np.inf, x)


def _winitzki(log: Array) -> Array:
    """Return the inverse of the error function at y to two digits, from log(1 − y²) [3]."""
    a = 0.147
    half = 2 / (math.pi * a) + log / 2
    return np.sqrt(np.maximum(np.sqrt(half * half - log / a) - half, 0))


def _halley(x: Array, newton: Array) -> Array:
    """Take one of Halley's steps, which triple the digits, from Newton's step for a function with f″ = −2x·f′."""
    return x - newton / (1 + newton * x)


@_in_float64
def ndtri(p: Array) -> Array:
    """Return the quantile of the standard normal distribution: where its distribution function is p."""
    tail = np.minimum(p, 1 - p)
    outer = _erfcinv(2 * np.maximum(tail, 0)) * _ROOT_2
    inner = erfinv(2 * p - 1) * _ROOT_2
    return np.where(tail < 0.2, np.where(p < 0.5, -outer, outer), inner) + np.where((p >= 0) & (p <= 1), 0, np.nan)


@_in_float64
def log_ndtr(x: Array) -> Array:
    """Return the logarithm of the normal distribution function, far out on the left too, where that is 0."""
    left, right = np.minimum(x, -1), np.maximum(x, -1)
    return np.where(x < -1, np.log(erfcx(-left / _ROOT_2) / 2) - left * left / 2, np.log1p(-erfc(right / _ROOT_2) / 2))


# --- the gamma function -----------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _zeta_less_one() -> tuple[float, ...]:
    """Return ζ(k) − 1 for k = 2, 3, ..."""
    return tuple(float(value) for value in zeta(np.arange(2.0, 30.0), np.full(28, 2.0)))


_EULER = 0.5772156649015329


@_in_float64
def lgamma(x: Array) -> Array:
    """Return the logarithm of the absolute value of the gamma function.

    Between 3/2 and 5/2 by its Taylor series around 2 (A&S 6.1.33), which is exact about its root there; from other
    numbers up to 9 by steps of 1 to there; beyond by Stirling's series (A&S 6.1.40); below 0 by reflection.
    """
    positive = np.where(x < 0, 1 - x, x)
    moved = np.minimum(positive, 10.0)
    product = np.ones_like(moved)
    for _ in range(8):
        step = moved >= 2.5
        moved = np.where(step, moved - 1, moved)
        product = np.where(step, product * moved, product)
    # The distance to 2, of the number itself or of the one that 1 or 2 steps up lead to, without ever adding 1 to it.
    t = np.where(moved < 0.5, moved, np.where(moved < 1.5, moved - 1, moved - 2))
    below = np.where(moved < 1.5, np.log1p(t), 0) + np.where(moved < 0.5, np.log(moved), 0)
    coefficients = [0.0, 1 - _EULER, *((-1) ** k * z / k for k, z in enumerate(_zeta_less_one(), start=2))]
    near = _series(t, coefficients) + np.log(product) - below
    far = np.maximum(positive, 9.0)
    stirling = (far - 0.5) * np.log(far) - far + math.log(2 * math.pi) / 2
    stirling += _series(1 / (far * far), [b / (2 * k * (2 * k - 1)) for k, b in enumerate(BERNOULLI, 1)]) / far
    stirling = np.where(np.isinf(far), np.inf, stirling)
    right = np.where(positive < 9, near, stirling)
    reflected = math.log(math.pi) - np.log(np.abs(_sin_pi(x))) - right
    return np.where(np.isinf(x), np.inf, np.where(x < 0, reflected, right)) + np.where(x == x, 0, np.nan)


def _sin_pi(x: Array) -> Array:
    """Return sin(πx), exactly 0 at whole numbers."""
    whole = np.round(x)
    return np.sin((x - whole) * math.pi) * np.where(whole % 2 == 0, 1, -1)


@_in_float64
def digamma(x: Array) -> Array:
    """Return the slope of `lgamma`: an asymptotic series from 10 on (A&S 6.3.18), steps of 1 up to there, reflection."""
    y = np.where(x < 0, 1 - x, x)
    total = np.zeros_like(y)
    for _ in range(10):
        total -= np.where(y < 10, 1 / y, 0)
        y = np.where(y < 10, y + 1, y)
    square = 1 / (y * y)
    total += np.log(y) - 0.5 / y - square * _series(square, [b / (2 * k) for k, b in enumerate(BERNOULLI, 1)])
    part = x - np.round(x)
    reflected = np.where(part == 0, np.nan, total - math.pi / np.tan(math.pi * part))
    return np.where(x < 0, reflected, np.where(x == 0, np.copysign(np.inf, -x), total))


@_in_float64
def zeta(s: Array, q: Array) -> Array:
    """Return Hurwitz' zeta function, the sum of (q + k)⁻ˢ over k = 0, 1, ..., by Euler and Maclaurin's formula.

    As PyTorch's: infinite at s = 1 and at q = 0, −1, −2, ...; nan for s < 1, and for other q < 0 unless s is whole.
    """
    s, q = np.broadcast_arrays(s, np.asarray(q, np.float64))
    impossible = (s < 1) | ((q < 0) & (s != np.floor(s))) | np.isnan(s) | np.isnan(q)
    pole = (s == 1) | ((q <= 0) & (q == np.floor(q)))
    y = np.where(impossible | pole, 10.0, q)
    total = np.zeros_like(y)
    while (y < 10).any():
        total += np.where(y < 10, np.sign(y) ** (s % 2) * np.abs(y) ** -s, 0)
        y = np.where(y < 10, y + 1, y)
    power = y**-s
    total += power * (y / (s - 1) + 0.5)
    rising = s * power / y  # s(s + 1)···(s + 2k − 2) · y^(−s − 2k + 1), over (2k)!
    for k, bernoulli in enumerate(BERNOULLI, 1):
        rising /= (2 * k - 1) * (2 * k)
        total += bernoulli * rising
        rising *= (s + 2 * k - 1) * (s + 2 * k) / (y * y)
    return np.where(impossible, np.nan, np.where(pole, np.inf, total))


@_in_float64
def polygamma(x: Array, n: int) -> Array:
    """Return the n-th derivative of `digamma` (A&S 6.4.10); the first by reflection where x < 1/2."""
    if n == 0:
        return digamma(x)
    if n == 1:
        right = zeta(np.full_like(x, 2.0), np.where(x < 0.5, 1 - x, x))
        return np.where(x < 0.5, (math.pi / _sin_pi(x)) ** 2 - right, right)
    return (-1) ** (n + 1) * math.gamma(n + 1) * zeta(np.full_like(x, n + 1.0), x)


@_in_float64
def gammainc(a: Array, x: Array) -> Array:
    """Return the share of the gamma function's integral that lies below x.

    Up to a + 1 by its power series (A&S 6.5.29); beyond, one less the rest, by its continued fraction (A&S 6.5.31).
    """
    a, x = np.broadcast_arrays(a, np.asarray(x, np.float64))
    impossible = (a < 0) | (x < 0) | ((a == 0) & (x == 0)) | np.isnan(a) | np.isnan(x)
    inside = ~impossible & (a > 0) & (x > 0) & np.isfinite(a) & np.isfinite(x)
    share = np.where(impossible, np.nan, np.where((a == 0) | (np.isinf(x) & np.isfinite(a)), 1.0, 0.0))
    left, right = inside & (x < a + 1), inside & (x >= a + 1)
    share[left] = _gammainc_series(a[left], x[left])
    share[right] = 1 - _gammaincc_fraction(a[right], x[right])
    return share


def _gammainc_front(a: Array, x: Array) -> Array:
    return np.exp(a * np.log(x) - x - lgamma(a))


_MOST_TERMS = 5000  # for a around 10⁶


def _gammainc_series(a: Array, x: Array) -> Array:
    term = 1 / a
    total, k = term.copy(), a.copy()
    for _ in range(_MOST_TERMS):
        k += 1
        term = term * (x / k)
        total += term
        if (term <= total * 1e-17).all():
            break
    return total * _gammainc_front(a, x)


def _gammaincc_fraction(a: Array, x: Array) -> Array:
    """Return one less `gammainc`, by Lentz's method."""
    b = x + 1 - a
    c, d = np.full_like(x, 1e300), 1 / b
    total = d.copy()
    for i in range(1, _MOST_TERMS):
        factor = -i * (i - a)
        b = b + 2
        d = 1 / (factor * d + b)
        c = b + factor / c
        total = total * (d * c)
        if (np.abs(d * c - 1) < 1e-16).all():
            break
    return total * _gammainc_front(a, x)


# --- Bessel functions -------------------------------------------------------------------------------------------------
#
# The modified ones of the first kind. Up to 20 their power series (A&S 9.6.10), all of whose terms are positive; beyond,
# the asymptotic series of exp(−x)·√(2πx)·I(x) in 1/x (A&S 9.7.1), whose terms shrink to exp(−2x) before they grow.


def _power_series(order: int) -> list[float]:
    return [1 / (math.factorial(k) * math.factorial(k + order)) for k in range(45)]


def _asymptotic_series(order: int) -> list[float]:
    coefficients = [1.0]
    for k in range(1, 26):
        coefficients.append(-coefficients[-1] * (4 * order**2 - (2 * k - 1) ** 2) / (8 * k))
    return coefficients


_SERIES = {order: (_power_series(order), _asymptotic_series(order)) for order in (0, 1)}


def _bessel(x: Array, order: int, scaled: bool) -> Array:
    power, asymptotic = _SERIES[order]
    size = np.abs(x)
    near, far = np.minimum(size, 20.0), np.maximum(size, 20.0)
    small = _series(near * near / 4, power) * (near / 2) ** order
    large = _series(1 / far, asymptotic) / np.sqrt(2 * math.pi * far)
    if scaled:
        small = small * np.exp(-near)
    else:
        large = large * np.exp(far)
    return np.where(size < 20, small, large) * (np.sign(x) if order else 1) + np.where(x == x, 0, np.nan)


@_in_float64
def i0(x: Array) -> Array:
    """Return the modified Bessel function of the first kind, of order 0."""
    return _bessel(x, 0, scaled=False)


@_in_float64
def i0e(x: Array) -> Array:
    """Return exp(−|x|) times `i0`."""
    return _bessel(x, 0, scaled=True)


@_in_float64
def i1(x: Array) -> Array:
    """Return the modified Bessel function of the first kind, of order 1."""
    return _bessel(x, 1, scaled=False)


@_in_float64
def i1e(x: Array) -> Array:
    """Return exp(−|x|) times `i1`."""
    return _bessel(x, 1, scaled=True)
