"""How numbers are spread: counts of them between the smallest and the largest, and by their size."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

BINS = 16
"""Into which the way from the smallest to the largest number is divided evenly."""

LEAST, MOST = -48, 16
"""Powers of two between which numbers are told apart by their size; what is smaller or larger counts at the end."""


def spread(numbers: Any) -> tuple[int, ...]:
    """Count finite numbers between the smallest and the largest of them.

    Examples
    --------
    >>> spread(np.array([0.0, 1.0, 16.0]))
    (1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1)
    """
    numbers = np.ravel(numbers)
    if not numbers.size:
        return (0,) * BINS
    low, high = float(numbers.min()), float(numbers.max())
    with np.errstate(all="ignore"):
        places = (numbers - low) * (BINS / (high - low)) if high > low else np.zeros(numbers.size)
    if math.isinf(high - low):  # further apart than numbers go
        places = np.nan_to_num(places)
    inside = np.minimum(places, BINS - 1).astype(np.intp)
    return tuple(np.bincount(inside, minlength=BINS).tolist())


def sizes(numbers: Any) -> tuple[int, ...]:
    """Count finite numbers by the power of two that is the largest in each; exact zeros have none.

    Examples
    --------
    >>> sizes(np.array([0.0, 1.0, -1.5, 2.0]))[-LEAST : 2 - LEAST]
    (2, 1)
    """
    numbers = np.ravel(numbers)
    powers = np.frexp(numbers[numbers != 0])[1] - 1
    places = np.clip(powers, LEAST, MOST - 1) - LEAST
    return tuple(np.bincount(places, minlength=MOST - LEAST).tolist())
