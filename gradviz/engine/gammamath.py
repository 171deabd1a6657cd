"""How a gamma or Dirichlet random number moves with its parameters, while its place in the distribution stays.

A number drawn from a distribution function F(x; α) keeps its share F where α changes a little and x changes by
−(∂F/∂α)/(∂F/∂x) as much: the *implicit* derivative. There is no closed form for gamma and beta distributions. PyTorch
approximates it, each range of arguments in another way, to three or four digits; these are the same approximations, so
that the digits agree. The tables of coefficients are its fits.

References
----------
.. [1] M. Figurnov, S. Mohamed and A. Mnih, "Implicit Reparameterization Gradients", 2018.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz.engine import specialmath

Array = Any


def _polynomial(coefficients: Any, x: Array) -> Array:
    """Evaluate a polynomial, given from the lowest power up; the coefficients may be arrays."""
    total = coefficients[-1]
    for coefficient in coefficients[-2::-1]:
        total = coefficient + x * total
    return total


# --- gamma ------------------------------------------------------------------------------------------------------------

_GAMMA = np.array(
    [
        [0.16009398, -0.094634809, 0.025146376, -0.0030648343, 1, 0.32668115, 0.10406089, 0.0014179084],
        [0.53487893, 0.1298071, 0.065735949, -0.0015649758, 0.16639465, 0.020070113, -0.0035938915, -0.00058392623],
        [0.040121004, -0.0065914022, -0.0026286047, -0.0013441777, 0.017050642, -0.0021309326, 0.00085092367, -1.5247877e-07],
    ]
)  # fmt: skip
"""By the power of log(x/α), then four coefficients in powers of log α for the numerator and four for the denominator."""


def gamma_slope(alpha: Array, x: Array) -> Array:
    """Return dx/dα for numbers x from the gamma distribution with concentration α and rate 1."""
    kind = np.result_type(x)
    a, y = np.broadcast_arrays(np.asarray(alpha, np.float64), np.asarray(x, np.float64))
    with np.errstate(all="ignore"):
        near = np.abs(y - a) <= 0.1 * a
        large = np.where(near, _gamma_at_mean(a, y), _gamma_saddle_point(a, y))
        return np.where(y < 0.8, _gamma_series(a, y), np.where(a > 8, large, _gamma_fit(a, y))).astype(kind)


def _gamma_series(a: Array, x: Array) -> Array:
    """For small x: the Taylor series of the distribution function, and its derivative."""
    power, first, second = np.ones_like(x), 1 / a, 1 / (a * a)
    for i in range(1, 6):
        power = power * (-x / i)
        first = first + power / (a + i)
        second = second + power / (a + i) ** 2
    density = x ** (a - 1) * np.exp(-x)
    slope = (np.log(x) - specialmath.digamma(a)) * (x**a * first) - x**a * second
    return np.nan_to_num(-slope / density, nan=0.0, posinf=np.inf, neginf=-np.inf)


def _gamma_at_mean(a: Array, x: Array) -> Array:
    """For large α and x close to it."""
    first = 1 + 24 * a * (1 + 12 * a)
    second = 1440 * (a * a) + 6 * x * (53 - 120 * x) - 65 * x * x / a + a * (107 + 3600 * x)
    return first * second / (1244160 * (a * a) * (a * a))


def _gamma_saddle_point(a: Array, x: Array) -> Array:
    """For large α: Rice's saddle point expansion."""
    root, log = np.sqrt(8 * a), np.log(x / a)
    term2, term3 = root / (a - x), (x - a - a * log) ** -1.5
    both = np.where(x < a, term2 - term3, term2 + term3)
    term1 = log * both - np.sqrt(2 / a) * (a + x) / ((a - x) * (a - x))
    stirling = 1 + 1 / (12 * a) * (1 + 1 / (24 * a))
    return -stirling * (x * term1) / root


def _gamma_fit(a: Array, x: Array) -> Array:
    """In between: a rational function of logarithms."""
    u, v = np.log(x / a)[..., None], np.log(a)
    coefficients = np.moveaxis(_polynomial(_GAMMA, u), -1, 0)
    return np.exp(_polynomial(coefficients[:4], v) / _polynomial(coefficients[4:], v))


# --- Dirichlet --------------------------------------------------------------------------------------------------------

_DIRICHLET = np.array(
    [
        [[[1.003668233, -0.01061107488, -0.0657888334, 0.01201642863],
          [0.6336835991, -0.3557432599, 0.05486251648, -0.001465281033],
          [-0.03276231906, 0.004474107445, 0.002429354597, -0.0001557569013]],
         [[0.221950385, -0.3187676331, 0.01799915743, 0.01074823814],
          [-0.2951249643, 0.06219954479, 0.01535556598, 0.001550077057],
          [0.02155310298, 0.004170831599, 0.001292462449, 6.976601077e-05]],
         [[-0.05980841433, 0.008441916499, 0.01085618172, 0.002319392565],
          [0.02911413504, 0.01400243777, -0.002721828457, 0.000751041181],
          [0.005900514878, -0.001936558688, -9.495446725e-06, 5.385558597e-05]]],
        [[[1, -0.02924021934, -0.04438342661, 0.007285809825],
          [0.6357567472, -0.3473456711, 0.05454656494, -0.002407477521],
          [-0.03301322327, 0.004845219414, 0.00231480583, -0.0002307248149]],
         [[0.5925320577, -0.1757678135, 0.01505928619, 0.000564515273],
          [0.1014815858, -0.06589186703, 0.01272886114, -0.0007316646956],
          [-0.007258481865, 0.001096195486, 0.0003934994223, -4.12701925e-05]],
         [[0.06469649321, -0.0236701437, 0.002902096474, -5.896963079e-05],
          [0.001925008108, -0.002869809258, 0.0008000589141, -6.063713228e-05],
          [-0.0003477407336, 6.959756487e-05, 1.097287507e-05, -1.650964693e-06]]],
    ]
)  # fmt: skip
"""Numerator and denominator; by the power of log x, of log(α/x), and four coefficients in powers of the third variable."""


def dirichlet_slope(x: Array, alpha: Array, total: Array) -> Array:
    """Return −(∂F/∂α)/(∂F/∂x)/(1 − x) for shares x, F the beta distribution with α and total − α.

    From these the derivatives of all shares of a Dirichlet distribution follow.
    """
    kind = np.result_type(x)
    wide = [np.asarray(array, np.float64) for array in (x, alpha, total)]
    x, alpha, total = np.broadcast_arrays(*wide)
    beta = total - alpha
    boundary = total * x * (1 - x)
    with np.errstate(all="ignore"):
        conditions = [(x <= 0.5) & (boundary < 2.5), (x >= 0.5) & (boundary < 0.75), (alpha > 6) & (beta > 6)]
        slopes = [_beta_near_zero(x, alpha, beta), -_beta_near_one(1 - x, beta, alpha), _beta_large(x, alpha, beta)]
        return np.select(conditions, slopes, _beta_fit(x, alpha, total)).astype(kind)


def _beta_near_zero(x: Array, alpha: Array, beta: Array) -> Array:
    """For x close to 0: Taylor's series, by α."""
    factor = specialmath.digamma(alpha) - specialmath.digamma(alpha + beta) - np.log(x)
    power = np.ones_like(x)
    series = power / alpha * (factor + 1 / alpha)
    for i in range(1, 11):
        power = power * ((i - beta) * x / i)
        series = series + power / (alpha + i) * (factor + 1 / (alpha + i))
    return np.nan_to_num(x * (1 - x) ** -beta * series, nan=0.0, posinf=np.inf, neginf=-np.inf)


def _beta_near_one(x: Array, alpha: Array, beta: Array) -> Array:
    """For x close to 0: Taylor's series, by β."""
    factor = specialmath.digamma(alpha + beta) - specialmath.digamma(beta)
    power, betas, slopes = np.ones_like(x), np.ones_like(x), np.zeros_like(x)
    series = factor / alpha
    for i in range(1, 9):
        power = power * (-x / i)
        slopes = slopes * (beta - i) + betas
        betas = betas * (beta - i)
        series = series + power / (alpha + i) * (slopes + factor * betas)
    return np.nan_to_num(-((1 - x) ** (1 - beta)) * series, nan=0.0, posinf=np.inf, neginf=-np.inf)


def _beta_large(x: Array, alpha: Array, beta: Array) -> Array:
    """For large α and β: Rice's saddle point expansion, and at the mean, where that is singular, a polynomial."""
    total = alpha + beta
    mean, deviation = alpha / total, np.sqrt(alpha * beta / (total + 1)) / total
    coefficients = (
        47 * x * beta**4,
        (43 + 20 * (16 + 27 * beta) * x) * beta**3,
        3 * (59 + 180 * beta - 90 * x) * beta**2,
        (453 + 1620 * beta * (1 - x) - 455 * x) * beta,
        8 * (1 - x) * (135 * beta - 11),
    )
    above = (1 + 12 * alpha) * (1 + 12 * beta) / (total * total)
    below = 12960 * alpha**3 * beta**2 * (1 + 12 * total)
    at_mean = above / (1 - x) * _polynomial(coefficients, alpha) / below

    stirling = _stirling(alpha) * _stirling(beta) / _stirling(total)
    offset = alpha * (x - 1) + beta * x
    term1 = 2 * (alpha * alpha) * (x - 1) + alpha * beta * (x - 1) - x * (beta * beta)
    term1 = term1 / (np.sqrt(2 * alpha / beta) * total**1.5 * offset * offset)
    term2 = 0.5 * np.log(alpha / (total * x))
    term3 = np.sqrt(8 * alpha * beta / total) / offset
    term4 = (beta * np.log(beta / (total * (1 - x))) + alpha * np.log(alpha / (total * x))) ** -1.5
    saddle = term1 + term2 * (term3 + np.where(x < mean, term4, -term4))
    saddle = stirling * (-x / np.sqrt(2 * alpha * beta / total)) * saddle
    return np.where(np.abs(x - mean) <= 0.1 * deviation, at_mean, saddle)


def _stirling(x: Array) -> Array:
    return 1 + 1 / (12 * x) + 1 / (288 * x * x)


def _beta_fit(x: Array, alpha: Array, total: Array) -> Array:
    """In between: a rough formula, times a rational function of logarithms."""
    u = np.log(x)
    a = np.log(alpha) - u
    b = np.log(total) - a
    parts = [_polynomial([_polynomial([_polynomial(c, b) for c in row], a) for row in half], u) for half in _DIRICHLET]
    rough = x * (specialmath.digamma(total) - specialmath.digamma(alpha)) / (total - alpha)
    return parts[0] / parts[1] * rough
