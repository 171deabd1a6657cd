"""Distributions made from the generator's uniform numbers: PyTorch's, digit by digit, for the same seed.

Each turns a number between 0 and 1 around: the share of the distribution that lies below what is returned.
"""

from __future__ import annotations

import math

import numpy as np

from gradviz.engine import layout
from gradviz.engine.layout import Array
from gradviz.engine.random import Generator, Shape

FLOAT64 = np.dtype(np.float64)
_THIRD, _SQUEEZE = float(np.float32(1) / np.float32(3)), float(np.float32(0.0331))  # as PyTorch has them: in float32
_DIGITS = {"float16": 11, "float32": 24, "float64": 53}  # integers up to 2 to this many are exact


def normal(draw: Generator, target: Array, mean: float = 0.0, std: float = 1.0) -> Array:
    """Draw normal numbers for an array that is to hold them: in the order of its memory, and in blocks if that is in rows."""
    kind, blocks = target.dtype, target.flags.c_contiguous
    return layout.drawn(target, lambda shape: draw.normal(shape, kind, mean, std, blocks=blocks))


def exponential(draw: Generator, shape: Shape, dtype: np.dtype, rate: float = 1.0) -> np.ndarray:
    """Draw waiting times: for something that happens `rate` times per unit of time, on average."""
    times = -1 / rate * np.log1p(-draw.random(shape, FLOAT64))
    return times.astype(np.float32).astype(dtype) if dtype == np.float16 else times.astype(dtype)


def cauchy(draw: Generator, shape: Shape, dtype: np.dtype, median: float = 0.0, sigma: float = 1.0) -> np.ndarray:
    """Draw from the Cauchy distribution, whose mean does not exist."""
    return (median + sigma * np.tan(np.pi * (draw.random(shape, FLOAT64) - 0.5))).astype(dtype)


def log_normal(draw: Generator, shape: Shape, dtype: np.dtype, mean: float = 1.0, std: float = 2.0) -> np.ndarray:
    """Draw numbers whose logarithms are normally distributed."""
    return np.exp(draw.normal(shape, FLOAT64, mean, std, blocks=False)).astype(dtype)


def geometric(draw: Generator, shape: Shape, dtype: np.dtype, p: float) -> np.ndarray:
    """Draw how many tosses it takes until something of probability `p` happens."""
    return np.ceil(np.log(draw.random(shape, FLOAT64)) / np.log1p(-p)).astype(dtype)


def integers(draw: Generator, shape: Shape, dtype: np.dtype) -> np.ndarray:
    """Draw integers from 0 up to the largest that a dtype holds, or up to where it stops to hold every integer."""
    if dtype.itemsize == 8 and dtype.kind == "i":  # one more does not fit: draw all 64 bits, and drop the sign
        return draw.integers(-(2**63), 2**63 - 1, shape) & (2**63 - 1)
    high = 2 ** _DIGITS[dtype.name] if dtype.kind == "f" else 1 if dtype.kind == "b" else int(np.iinfo(dtype).max)
    if dtype.itemsize == 4 and dtype.kind == "i":  # from one word, where `Generator.integers` takes two
        return (draw._words(math.prod(shape)) & np.uint64(high)).astype(dtype).reshape(shape)
    return draw.integers(0, high + 1, shape).astype(dtype)


def gamma(draw: Generator, alpha: np.ndarray) -> np.ndarray:
    """Draw from gamma distributions of rate 1, one number for each concentration, by Marsaglia's and Tsang's method."""
    least = np.finfo(alpha.dtype).tiny
    drawn = [max(least, _one_gamma(draw, number)) for number in alpha.ravel()]  # in this order: what is nan is `least`
    return np.array(drawn, alpha.dtype).reshape(alpha.shape)


def dirichlet(draw: Generator, alpha: np.ndarray) -> np.ndarray:
    """Draw shares that add up to 1 along the last axis: gamma numbers, divided by their sum."""
    numbers = gamma(draw, alpha.astype(FLOAT64))
    with np.errstate(invalid="ignore"):
        shares = (numbers / numbers.sum(-1, keepdims=True)).astype(alpha.dtype)
    most = np.nextafter(alpha.dtype.type(1), alpha.dtype.type(0))
    return np.minimum(np.fmax(shares, np.finfo(alpha.dtype).tiny), most)  # (fmax, for ∞/∞)


def _one_gamma(draw: Generator, alpha: np.floating) -> float:
    """Draw one number: the cube of a normal one, shifted and scaled, unless a second draw rejects it."""
    one, scale = alpha.dtype.type(1), 1.0
    if alpha < 1:  # a number for α + 1, times a power of a uniform one
        if alpha == 0:
            return 0.0
        scale = (1 - float(draw._unit64(1)[0])) ** float(one / alpha)
        alpha = alpha + one
    d = float(alpha - alpha.dtype.type(_THIRD))
    c = 1 / math.sqrt(9 * d)
    while True:
        y = 0.0
        while y <= 0:
            x = draw._one_normal()
            y = 1 + c * x
        v = y * y * y
        u = 1 - float(draw._unit64(1)[0])
        square = x * x
        if u < 1 - _SQUEEZE * square * square or math.log(u) < 0.5 * square + d * (1 - v + math.log(v)):
            return scale * d * v
