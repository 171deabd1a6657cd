"""A tensor in two lines."""

from __future__ import annotations

import math

from gradviz.catalogue import text
from gradviz.recording import NEARLY_ZERO, epsilon, number_text
from gradviz.recording.model import Value


def statistics(value: Value) -> tuple[str, str]:
    """Write a tensor's statistics on two lines: mean ± standard deviation; the smallest to the largest, and how many are zeros.

    Where there are entries that are no numbers, they are all that is said; and where all are the same, up to rounding, that one.
    """
    if value.summary is not None:
        s = value.summary
        mean, sd, low, high, nans, infs = s.mean, s.sd, s.min, s.max, s.nans, s.infs
        zeros = s.zeros / math.prod(value.shape)
    else:
        assert value.data is not None
        nans = infs = 0
        finite = value.data or (0.0,)
        if not math.isfinite(sum(finite)):
            finite = tuple(number for number in value.data if math.isfinite(number)) or (0.0,)
            nans = sum(number != number for number in value.data)
            infs = sum(math.isinf(number) for number in value.data)
        mean = sum(finite) / len(finite)
        sd = math.dist(finite, [mean] * len(finite)) / math.sqrt(len(finite))
        low, high = min(finite), max(finite)
        zeros = value.data.count(0) / len(value.data) if value.data else 0.0
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
