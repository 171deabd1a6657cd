"""Distributions made from the generator's uniform numbers: PyTorch's, digit by digit, for the same seed.

Each turns a number between 0 and 1 around: the share of the distribution that lies below what is returned.
"""

from __future__ import annotations

import math

import numpy as np

from gradviz.engine.random import BLOCK, Generator, Shape

FLOAT64 = np.dtype(np.float64)
_DIGITS = {"float16": 11, "float32": 24, "float64": 53}  # integers up to 2 to this many are exact


def exponential(draw: Generator, shape: Shape, dtype: np.dtype, rate: float = 1.0) -> np.ndarray:
    """Draw waiting times: for something that happens `rate` times per unit of time, on average."""
    times = -1 / rate * np.log1p(-draw.random(shape, FLOAT64))
    return times.astype(np.float32).astype(dtype) if dtype == np.float16 else times.astype(dtype)


def cauchy(draw: Generator, shape: Shape, dtype: np.dtype, median: float = 0.0, sigma: float = 1.0) -> np.ndarray:
    """Draw from the Cauchy distribution, whose mean does not exist."""
    return (median + sigma * np.tan(np.pi * (draw.random(shape, FLOAT64) - 0.5))).astype(dtype)


def log_normal(draw: Generator, shape: Shape, dtype: np.dtype, mean: float = 1.0, std: float = 2.0) -> np.ndarray:
    """Draw numbers whose logarithms are normally distributed."""
    count, few = math.prod(shape), BLOCK - 1  # PyTorch draws these one by one, not in blocks
    logs = [draw.normal((min(few, count - start),), FLOAT64, mean, std) for start in range(0, count, few)]
    return np.exp(np.concatenate([*logs, np.zeros(0)])).astype(dtype).reshape(shape)


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
