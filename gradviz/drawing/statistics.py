"""A tensor in two lines."""

from __future__ import annotations

import math

import numpy as np

from gradviz.catalogue import text
from gradviz.recording import NEARLY_ZERO, epsilon, number_text
from gradviz.recording.model import Value
from gradviz.recording.values import entries_of


def statistics(value: Value) -> tuple[str, str]:
    """Write a tensor's statistics on two lines: mean ± standard deviation; the smallest to the largest, and how many are zeros.

    Where there are entries that are no numbers, they are all that is said; and where all are the same, up to rounding, that one.
    """
    entries = entries_of(value)
    if entries is None:
        s = value.summary
        assert s is not None
        mean, sd, low, high, nans, infs = s.mean, s.sd, s.min, s.max, s.nans, s.infs
        zeros = s.zeros / math.prod(value.shape)
    else:
        numbers = entries.astype(np.float64).ravel()
        known = numbers[np.isfinite(numbers)]
        finite = known if known.size else np.zeros(1)
        nans, zeros = int(np.isnan(numbers).sum()), float((numbers == 0).mean()) if numbers.size else 0.0
        infs = numbers.size - known.size - nans
        mean, low, high = float(finite.mean()), float(finite.min()), float(finite.max())
        sd = math.sqrt(float(np.square(finite - mean).mean()))
    strange = " ".join(f"{count} {what}" for count, what in ((nans, "nan"), (infs, "inf")) if count)
    if strange:
        return f"⚠ {strange}", ""
    eps = epsilon(value.dtype)
    if low == high or sd < eps * max(-low, high):
        return text("all equal", number=("" if low == high else "≈ ") + number_text(float(low))), ""
    share = f", {zeros:.0%} zeros" if zeros >= 0.01 else ""
    return f"mean {_short(mean, eps * sd)} ± {_short(sd)} sd", f"{_short(low)} to {_short(high)}{share}"


def _short(number: float, rounding: float = 0.0) -> str:
    """Write a statistic with few digits; what is smaller than the rounding error of the entries is none."""
    return NEARLY_ZERO if 0 < abs(number) < rounding else number_text(float(number), 2)
